import { LRUCache } from 'lru-cache'
import type { ShownContent, ShownMessage } from './sandbox.ts'
import { padded, type Store } from './store.ts'
import { proto } from './wa.ts'

/** A contact's own message, kept to send it again to a device that could not read it. */
export interface SentMessage {
  message: proto.IMessage
  type: string
  mediatype?: string | undefined
  /** `pn` or `lid`, or the jid of a group. */
  chat: string
}

export interface Entry {
  id: string
  chatId: string
  fromMe: boolean
  message: proto.IMessage
  /** Of a received message: what stood in its `to`. */
  to?: string
  sent?: Omit<SentMessage, 'message'>
}

interface SeenRow {
  seq: number
  /** How often the same id came again. */
  repeats: number
  /** What stood in the `to` of a received message. */
  to?: string | undefined
  sent?: { message: string; type: string; mediatype?: string; chat: string }
}

/** Per contact and account; the oldest go first. Checked after each thousand. */
const MAX_SHOWN = 100_000
const CHECK_EVERY = 1_000

/** What each contact's phone shows of its traffic with each account, and which ids it knows. On disk, not in memory. */
export class ChatLog {
  readonly #store: Store
  readonly #added = new LRUCache<string, number>({ max: 5_000 })
  #lastSeq: number

  constructor(store: Store) {
    this.#store = store
    this.#lastSeq = Number(store.getText('meta', 'shownSeq') ?? 0)
  }

  /** False when this id was shown before: it is counted, and nothing else changes. */
  show(account: string, contact: string, entry: Entry, nowMs: number): boolean {
    const chat = `${account}|${contact}`
    const known = this.#seen(chat, entry.id)
    if (known) {
      known.repeats++
      this.#store.put('seen', `${chat}|${entry.id}`, JSON.stringify(known))
      return false
    }
    const seq = ++this.#lastSeq
    this.#store.put('meta', 'shownSeq', () => String(this.#lastSeq))
    this.#store.insert('seen', `${chat}|${entry.id}`, () =>
      JSON.stringify({ seq, repeats: 0, to: entry.to, sent: packSent(entry) }),
    )
    const { id: whatsappId, chatId, fromMe, message } = entry
    const shown: ShownMessage = {
      whatsappId,
      chatId,
      fromMe,
      content: contentOf(message),
      at: new Date(nowMs).toISOString(),
    }
    this.#store.insert('shown', `${chat}|${padded(seq)}`, JSON.stringify(shown))
    this.#bound(chat)
    return true
  }

  messages(account: string, contact: string): ShownMessage[] {
    return this.#store
      .scan('shown', `${account}|${contact}|`)
      .map(([, value]) => JSON.parse(String(value)) as ShownMessage)
  }

  /** How the account named the chat in which the contact received this message. */
  receivedIn(account: string, contact: string, id: string): string | undefined {
    return this.#seen(`${account}|${contact}`, id)?.to
  }

  /** How many times the id came beyond the first; the wire may repeat, the phone shows once. */
  repeats(account: string, contact: string, id: string): number {
    return this.#seen(`${account}|${contact}`, id)?.repeats ?? 0
  }

  sent(account: string, contact: string, id: string): SentMessage | undefined {
    const row = this.#seen(`${account}|${contact}`, id)?.sent
    return row && { ...row, message: proto.Message.decode(Buffer.from(row.message, 'base64')) }
  }

  /** Kept for sending again only: what a phone tells its own devices is not part of any chat. */
  rememberPeer(owner: string, id: string, message: proto.IMessage): void {
    const sent = packSent({ id, chatId: '', fromMe: true, message, sent: { type: 'text', chat: 'peer' } })
    this.#store.insert('seen', `${owner}|${owner}|${id}`, JSON.stringify({ seq: 0, repeats: 0, sent }))
  }

  /** Gives the contacts that had to do with the account. */
  forget(account: string): Set<string> {
    const contacts = new Set(this.#store.scan('shown', `${account}|`).map(([key]) => key.split('|')[1] ?? ''))
    this.#store.deletePrefix('shown', `${account}|`)
    this.#store.deletePrefix('seen', `${account}|`)
    return contacts
  }

  #seen(chat: string, id: string): SeenRow | undefined {
    const text = this.#store.getText('seen', `${chat}|${id}`)
    return text === undefined ? undefined : JSON.parse(text)
  }

  #bound(chat: string): void {
    const added = (this.#added.get(chat) ?? 0) + 1
    this.#added.set(chat, added)
    if (added % CHECK_EVERY !== 0) return
    for (const [key, value] of this.#store.surplus('shown', `${chat}|`, MAX_SHOWN)) {
      const { whatsappId }: ShownMessage = JSON.parse(String(value))
      this.#store.delete('shown', key)
      this.#store.delete('seen', `${chat}|${whatsappId}`)
    }
  }
}

function packSent(entry: Entry): SeenRow['sent'] {
  if (!entry.sent) return undefined
  return { ...entry.sent, message: Buffer.from(proto.Message.encode(entry.message).finish()).toString('base64') }
}

const WRAPPERS = ['ephemeralMessage', 'viewOnceMessage', 'viewOnceMessageV2', 'documentWithCaptionMessage'] as const
/** Fields that say nothing to the reader. */
const SILENT = new Set(['messageContextInfo', 'senderKeyDistributionMessage'])

export function unwrap(message: proto.IMessage): proto.IMessage {
  for (const field of WRAPPERS) {
    const inner = message[field]?.message
    if (inner) return unwrap(inner)
  }
  return message
}

export function contentOf(outer: proto.IMessage): ShownContent {
  const message = unwrap(outer)
  const text = message.conversation || message.extendedTextMessage?.text
  if (text) return { type: 'text', text }
  const fields = Object.entries(message).filter(
    ([name, value]) => value !== null && value !== undefined && !SILENT.has(name),
  )
  return { type: 'unsupported', kind: fields[0]?.[0] ?? 'empty' }
}

/** Whether there is anything in it for a reader, beyond keys. */
export const isShown = (message: proto.IMessage): boolean =>
  Object.entries(message).some(
    ([name, value]) => value !== null && value !== undefined && value !== '' && !SILENT.has(name),
  )
