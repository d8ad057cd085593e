import { type AuthenticationCreds, BufferJSON, proto, type SignalDataTypeMap } from '@whiskeysockets/baileys'

export type RowType = keyof SignalDataTypeMap

const RAW = 1
const JSON_TEXT = 2

/** Rows that hold no bytes, only text: reviving buffers in them would cost time and may guess wrong. */
const PLAIN_JSON: ReadonlySet<RowType> = new Set(['session', 'lid-mapping', 'device-list', 'sender-key-memory'])

export function encodeRow(type: RowType, value: unknown): Buffer {
  if (value instanceof Uint8Array) return Buffer.concat([Buffer.from([RAW]), value])
  const kept = type === 'session' ? pruned(value as SessionRow) : value
  const text = PLAIN_JSON.has(type) ? JSON.stringify(kept) : JSON.stringify(kept, BufferJSON.replacer)
  return Buffer.concat([Buffer.from([JSON_TEXT]), Buffer.from(text)])
}

/** A fresh value each time: libsignal changes what it is given. */
export function decodeRow(type: RowType, bytes: Uint8Array): unknown {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset + 1, bytes.byteLength - 1)
  if (bytes[0] === RAW) return Buffer.from(body)
  const text = body.toString('utf8')
  if (PLAIN_JSON.has(type)) return JSON.parse(text)
  const value: unknown = JSON.parse(text, BufferJSON.reviver)
  return type === 'app-state-sync-key' ? proto.Message.AppStateSyncKeyData.fromObject(value as object) : value
}

export const encodeCredentials = (creds: AuthenticationCreds): Buffer =>
  Buffer.from(JSON.stringify(creds, BufferJSON.replacer))

export const decodeCredentials = (bytes: Uint8Array): AuthenticationCreds =>
  JSON.parse(Buffer.from(bytes).toString('utf8'), BufferJSON.reviver)

interface SessionRow {
  _sessions?: Record<string, { _chains: Record<string, { chainType: number; messageKeys: object }> }>
}

const RECEIVING = 2
const KEPT_CHAINS = 20

/**
 * libsignal never drops the chains of past turns: a session grows by 105 bytes with each change of direction.
 * Kept are the newest, and all that still wait for skipped messages. Closed sessions stay: libsignal keeps 40 itself.
 */
function pruned(row: SessionRow): SessionRow {
  for (const session of Object.values(row._sessions ?? {})) {
    const done = Object.entries(session._chains).filter(
      ([, chain]) => chain.chainType === RECEIVING && Object.keys(chain.messageKeys).length === 0,
    )
    for (const [key] of done.slice(0, -KEPT_CHAINS)) delete session._chains[key]
  }
  return row
}
