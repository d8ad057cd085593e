import { setImmediate as turn } from 'node:timers/promises'
import { completion } from '../inbound/addresses.ts'
import type { KeyStore } from '../key-store.ts'
import type { SyncedChat, SyncedContact, SyncNews } from '../whatsapp.ts'
import type { SyncRow } from './read.ts'

export const MAX_ROWS = 500
/** How long rows are read without letting others have the processor. */
const TURN_MS = 8

export interface PieceTeller {
  keys: KeyStore
  tell: (news: SyncNews) => Promise<void>
  signal: AbortSignal
}

/** Tells the rows in pieces, the last of which settles the inbox's. False when there was none. */
export async function tellInPieces(
  rows: Iterable<SyncRow>,
  inboxKey: string | null,
  parts: PieceTeller,
): Promise<boolean> {
  let piece: SyncRow[] = []
  let turnMs = performance.now()
  for (const row of rows) {
    // Each row is read from the bytes only now, past all of its messages.
    if (performance.now() - turnMs >= TURN_MS) {
      await turn()
      turnMs = performance.now()
    }
    if (piece.length === MAX_ROWS) {
      parts.signal.throwIfAborted()
      await parts.tell(await newsOf(piece, null, parts))
      piece = []
    }
    piece.push(row)
  }
  if (piece.length === 0) return false
  parts.signal.throwIfAborted()
  await parts.tell(await newsOf(piece, inboxKey, parts))
  return true
}

async function newsOf(piece: SyncRow[], inboxKey: string | null, { keys }: PieceTeller): Promise<SyncNews> {
  const addresses = piece.map(row => ('chat' in row ? row.chat.chat : row.contact.contact))
  const complete = await completion(addresses, keys)
  const chats: SyncedChat[] = []
  const contacts: SyncedContact[] = []
  for (const row of piece) {
    if ('chat' in row) chats.push({ ...row.chat, chat: complete(row.chat.chat) })
    else contacts.push({ ...row.contact, contact: complete(row.contact.contact) })
  }
  return { inboxKey, chats, contacts, groups: [] }
}
