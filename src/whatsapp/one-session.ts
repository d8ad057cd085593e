import type { SignalKeyStoreWithTransaction } from '@whiskeysockets/baileys'

/** What is needed here of libsignal's serialized record of one peer. Keys are base64, with a type byte. */
interface SessionRecord {
  /** By base key: one is open, the others were replaced and may still bring a message that was on its way. */
  _sessions: Record<string, Session>
}

interface Session {
  /** By ratchet key. */
  _chains: Record<string, unknown>
  /** `closed` is -1 while the session is open. */
  indexInfo: { closed: number; used: number }
}

/** Where one try of a decryption stands. */
interface Try {
  ciphertext: Uint8Array
  attempt: number
  /** Whether there is another session that the message may belong to. */
  more: boolean
}

/**
 * Where libsignal has several sessions with a peer it tries one after the other, and a try turns the ratchet of
 * the wrong one before its MAC fails: stored beside the right one, that session is broken from then on. So it is
 * shown one session at a time, the one that knows the message's ratchet key first.
 */
export function oneSessionAtATime(keys: SignalKeyStoreWithTransaction): {
  keys: SignalKeyStoreWithTransaction
  /** Runs `decrypt` until a session takes the message; `discard` undoes what a failed try wrote. One call at a time. */
  decrypt<T>(ciphertext: Uint8Array, decrypt: () => Promise<T>, discard: () => void): Promise<T>
} {
  let now: Try | null = null
  return {
    keys: {
      ...keys,
      get: async (type, ids) => {
        const rows = await keys.get(type, ids)
        if (type === 'session' && now)
          for (const id in rows) rows[id] = narrowed(rows[id], now) as (typeof rows)[string]
        return rows
      },
      set: async data => {
        const { session: changed, ...rest } = data
        if (!changed) return keys.set(data)
        const whole = await keys.get('session', Object.keys(changed))
        const session = Object.fromEntries(
          Object.entries(changed).map(([id, record]) => [id, record && merged(whole[id], record)]),
        )
        return keys.set({ ...rest, session } as typeof data)
      },
    },
    async decrypt(ciphertext, decrypt, discard) {
      for (let attempt = 0; ; attempt++) {
        const present: Try = { ciphertext, attempt, more: false }
        now = present
        try {
          return await decrypt()
        } catch (error) {
          if (!present.more) throw error
          discard()
        } finally {
          now = null
        }
      }
    },
  }
}

function narrowed(row: unknown, now: Try): unknown {
  const record = row as SessionRecord | undefined
  if (!record || Object.keys(record._sessions).length < 2) return record
  const ids = candidates(record, now.ciphertext)
  const id = ids[Math.min(now.attempt, ids.length - 1)]!
  now.more = now.attempt + 1 < ids.length
  return { ...record, _sessions: { [id]: record._sessions[id] } }
}

const merged = (whole: unknown, changed: unknown): unknown => ({
  ...(changed as SessionRecord),
  _sessions: { ...(whole as SessionRecord | undefined)?._sessions, ...(changed as SessionRecord)._sessions },
})

/** The sessions that a message may belong to, likeliest first. */
function candidates(record: SessionRecord, ciphertext: Uint8Array): string[] {
  const key = ratchetKey(ciphertext)
  const sessions = Object.entries(record._sessions)
  const known = key && sessions.find(([, session]) => key in session._chains)
  if (known) return [known[0]]
  const rank = ({ indexInfo }: Session) => (indexInfo.closed === -1 ? Number.POSITIVE_INFINITY : indexInfo.used)
  return sessions.sort(([, a], [, b]) => rank(b) - rank(a)).map(([id]) => id)
}

const RATCHET_KEY_BYTES = 33

/** A message is a version byte, then protobuf, whose first field is the sender's ratchet key. */
function ratchetKey(ciphertext: Uint8Array): string | null {
  if (ciphertext[1] !== 0x0a || ciphertext[2] !== RATCHET_KEY_BYTES) return null
  return Buffer.from(ciphertext.subarray(3, 3 + RATCHET_KEY_BYTES)).toString('base64')
}
