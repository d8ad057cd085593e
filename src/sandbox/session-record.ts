/** The shape of libsignal's serialized session record, as far as it is needed here. Keys are base64, with a type byte. */
export interface SessionRecord {
  /** By base key: one is open, the others were replaced and may still bring a message that was on its way. */
  _sessions: Record<string, Session>
  version: string
}

interface Session {
  /** By ratchet key. */
  _chains: Record<string, { chainType: number; messageKeys: Record<string, string> }>
  /** `closed` is -1 while the session is open. */
  indexInfo: { closed: number; used: number; remoteIdentityKey: string }
}

const RECEIVING_CHAIN = 2
const KEPT_RECEIVING_CHAINS = 20
const RATCHET_KEY_BYTES = 33

/**
 * libsignal keeps a closed receiving chain for every change of direction, for ever: 105 bytes each, rewritten with
 * every message. The newest ones, and those that still hold keys of skipped messages, are all that is of use.
 */
export function pruneSession(record: SessionRecord): void {
  for (const session of Object.values(record._sessions)) {
    const spent = Object.entries(session._chains).filter(
      ([, chain]) => chain.chainType === RECEIVING_CHAIN && Object.keys(chain.messageKeys).length === 0,
    )
    for (const [id] of spent.slice(0, -KEPT_RECEIVING_CHAINS)) delete session._chains[id]
  }
}

export function hasOpenSession(record: SessionRecord, typedIdentity: Buffer): boolean {
  const wanted = typedIdentity.toString('base64')
  return Object.values(record._sessions).some(
    ({ indexInfo }) => indexInfo.closed === -1 && indexInfo.remoteIdentityKey === wanted,
  )
}

/** The sessions that a message may belong to, likeliest first. */
export function candidates(record: SessionRecord, ciphertext: Uint8Array): string[] {
  const key = ratchetKey(ciphertext)
  const sessions = Object.entries(record._sessions)
  const known = key === undefined ? undefined : sessions.find(([, session]) => key in session._chains)
  if (known) return [known[0]]
  const rank = ({ indexInfo }: Session) => (indexInfo.closed === -1 ? Number.POSITIVE_INFINITY : indexInfo.used)
  return sessions.sort(([, a], [, b]) => rank(b) - rank(a)).map(([id]) => id)
}

/** A message is a version byte, then protobuf, whose first field is the sender's ratchet key. */
function ratchetKey(ciphertext: Uint8Array): string | undefined {
  if (ciphertext[1] !== 0x0a || ciphertext[2] !== RATCHET_KEY_BYTES) return undefined
  return Buffer.from(ciphertext.subarray(3, 3 + RATCHET_KEY_BYTES)).toString('base64')
}

export const only = (record: SessionRecord, id: string): SessionRecord => ({
  ...record,
  _sessions: { [id]: record._sessions[id]! },
})

export const withSession = (record: SessionRecord, changed: SessionRecord): SessionRecord => ({
  ...record,
  _sessions: { ...record._sessions, ...changed._sessions },
})
