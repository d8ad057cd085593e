import { LRUCache } from 'lru-cache'
import { type Act, contentOf, type Digest, mediaIn, quotedIn, unwrap } from './content.ts'
import type { ShownMessage } from './sandbox.ts'
import { padded, type Store } from './store.ts'
import { proto } from './wa.ts'

/** A message of a simulated phone, kept to send it again to a device that could not read it. */
export interface SentMessage {
  message: proto.IMessage
  type: string
  mediatype?: string | undefined
  edit?: string | undefined
  /** `pn` or `lid`, or the jid of a group. */
  chat: string
}

export interface Entry {
  id: string
  chatId: string
  /** Phone number of who wrote it. */
  from: string
  message: proto.IMessage
  /** Of media: what the bytes turned out to be. */
  media?: Digest | null | undefined
  /** It changes another message, and is not shown itself. */
  act?: Act | null | undefined
  /** Of a received message: what stood in its `to`. */
  to?: string
  sent?: Omit<SentMessage, 'message'> | undefined
}

interface SeenRow {
  seq: number
  /** How often the same id came again. */
  repeats: number
  /** What stood in the `to` of a received message. */
  to?: string | undefined
  sent?: { message: string; type: string; mediatype?: string; edit?: string; chat: string }
}

/** An act has a row too, so that it goes when its time has come. */
type ShownRow = ShownMessage & { hidden?: true }

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
    this.#store.insert('shown', `${chat}|${padded(seq)}`, JSON.stringify(rowOf(contact, entry, nowMs)))
    this.#bound(chat)
    return true
  }

  /** Oldest first. */
  messages(account: string, contact: string): ShownMessage[] {
    return this.#store
      .scan('shown', `${account}|${contact}|`)
      .map(([, value]) => JSON.parse(String(value)) as ShownRow)
      .filter(row => !row.hidden)
  }

  find(account: string, contact: string, id: string): ShownMessage | undefined {
    const row = this.#row(`${account}|${contact}`, id)?.row
    return row?.hidden ? undefined : row
  }

  /**
   * What `by` does to a message that the contact's phone shows. An edit is the author's alone; a deletion too, but
   * for the `admin` of a group. Anything else changes nothing, as on a real phone.
   */
  fold(account: string, contact: string, { act, by, admin }: { act: Act; by: string; admin: boolean }): void {
    const found = this.#row(`${account}|${contact}`, act.id)
    if (!found || found.row.hidden || found.row.deleted) return
    const { key, row } = found
    if (act.kind === 'reaction') {
      const others = row.reactions.filter(r => r.from !== by)
      row.reactions = act.emoji === '' ? others : [...others, { from: by, emoji: act.emoji }]
    } else if (act.kind === 'edit' && row.from === by) {
      row.edited = true
      row.content = edited(row.content, act.message)
    } else if (act.kind === 'delete' && (row.from === by || admin)) {
      row.deleted = true
      row.content = { type: 'unsupported', kind: 'deleted' }
      row.reactions = []
    } else return
    this.#store.put('shown', key, JSON.stringify(row))
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

  /** The same for what the account's own phone wrote to one of these. */
  sentToOneOf(account: string, contacts: string[], id: string): SentMessage | undefined {
    for (const contact of contacts) {
      const found = this.sent(account, contact, id)
      if (found) return found
    }
    return undefined
  }

  /** Kept for sending again only: what a phone tells its own devices is not part of any chat. */
  rememberPeer(owner: string, id: string, message: proto.IMessage): void {
    const sent = packSent({ message, sent: { type: 'text', chat: 'peer' } })
    this.#store.insert('seen', `${owner}|${owner}|${id}`, JSON.stringify({ seq: 0, repeats: 0, sent }))
  }

  /** Gives the contacts that had to do with the account. */
  forget(account: string): Set<string> {
    const contacts = new Set(this.#store.scan('shown', `${account}|`).map(([key]) => key.split('|')[1] ?? ''))
    this.#store.deletePrefix('shown', `${account}|`)
    this.#store.deletePrefix('seen', `${account}|`)
    return contacts
  }

  #row(chat: string, id: string): { key: string; row: ShownRow } | undefined {
    const seen = this.#seen(chat, id)
    const key = `${chat}|${padded(seen?.seq ?? 0)}`
    const text = seen && this.#store.getText('shown', key)
    return text === undefined ? undefined : { key, row: JSON.parse(text) }
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

function packSent(entry: Pick<Entry, 'message' | 'sent'>): SeenRow['sent'] {
  if (!entry.sent) return undefined
  return { ...entry.sent, message: Buffer.from(proto.Message.encode(entry.message).finish()).toString('base64') }
}

function rowOf(contact: string, entry: Entry, nowMs: number): ShownRow {
  const { id: whatsappId, chatId, from, message, media, act } = entry
  return {
    whatsappId,
    chatId,
    fromMe: from === contact,
    from,
    content: contentOf(message, media),
    quotedWhatsappId: quotedIn(message),
    reactions: [],
    edited: false,
    deleted: false,
    at: new Date(nowMs).toISOString(),
    ...(act && { hidden: true }),
  }
}

/** Of media only the caption changes. */
function edited(content: ShownMessage['content'], message: proto.IMessage): ShownMessage['content'] {
  if (!('media' in content)) return contentOf(message)
  const { conversation, extendedTextMessage } = unwrap(message)
  const caption = mediaIn(message)?.media.caption ?? extendedTextMessage?.text ?? conversation
  return { ...content, caption: caption || null }
}
