import { isShown } from './chat-log.ts'
import type { Companion } from './companion.ts'
import { decryptMedia } from './media.ts'
import type { Person } from './person.ts'
import { child, children, el, newMessageId, uintBytes } from './stanza.ts'
import type { BinaryNode, proto } from './wa.ts'

/** Who sent a stanza, from which device, and what stood in its `to`. */
export interface Origin {
  sender: Person
  device: number
  chat: string
}

/** A message that a simulated phone decrypted. */
export interface Received {
  person: Person
  sender: Person
  device: number
  chat: string
  id: string
  type: string
  edit: string | undefined
  message: proto.IMessage
  text: string
  /** The same id was shown before. */
  repeated: boolean
}

const MEDIA_KINDS = {
  imageMessage: 'image',
  videoMessage: 'video',
  audioMessage: 'audio',
  documentMessage: 'document',
  stickerMessage: 'sticker',
} as const

const MAX_RETRIES = 5

/** What reaches a simulated phone: decrypted, shown, answered with receipts and whatever its nature is. */
export class Listener {
  readonly #person: Person
  #chain: Promise<unknown> = Promise.resolve()

  constructor(person: Person) {
    this.#person = person
  }

  /** Resolves when the message is in the store's hands; stanzas are taken in turn. */
  receive(node: BinaryNode, origin: Origin): Promise<void> {
    const done = this.#chain.then(() => this.#receive(node, origin))
    this.#chain = done.catch(error => this.#person.sim.report(error))
    return done
  }

  async #receive(node: BinaryNode, origin: Origin): Promise<void> {
    const { sim } = this.#person
    let message: proto.IMessage | undefined
    try {
      message = await this.#decrypt(node, origin)
    } catch (error) {
      sim.events.emit('undecryptable', { person: this.#person, id: node.attrs.id ?? '', error: error as Error })
      return this.#askAgain(node, origin)
    }
    if (!message) return
    const id = node.attrs.id ?? ''
    const own = message.deviceSentMessage
    if (own) {
      const { destinationJid, message: inner } = own
      sim.events.emit('sent', {
        person: this.#person,
        id,
        to: destinationJid ?? '',
        message: inner ?? {},
        text: readable(inner ?? {}),
      })
    } else if (node.attrs.category === 'peer') sim.events.emit('peer', { person: this.#person, id, message })
    else if (isShown(message)) this.#accept(node, origin, message)
  }

  async #decrypt(node: BinaryNode, origin: Origin): Promise<proto.IMessage | undefined> {
    const { device } = this.#person
    const author = origin.sender.jid('lid', origin.device)
    let message: proto.IMessage | undefined
    for (const enc of children(node, 'enc')) {
      const bytes = enc.content as Uint8Array
      const type = enc.attrs.type ?? ''
      const part =
        type === 'skmsg'
          ? await device.decryptGroup(origin.chat, author, bytes)
          : await device.decrypt(author, type, bytes)
      if (part.senderKeyDistributionMessage?.groupId)
        await device.takeSenderKey(author, part.senderKeyDistributionMessage)
      message = message ? Object.assign(message, part) : part
    }
    return message
  }

  #askAgain(node: BinaryNode, { sender, chat }: Origin): void {
    const { sim, device, pn } = this.#person
    const id = node.attrs.id ?? ''
    const count = sim.countRetry(`${pn}|${id}`)
    if (count > MAX_RETRIES) return
    const registration = el('registration', {}, uintBytes(device.keys.registrationId, 4))
    this.receipt(sender, { chat, id, type: 'retry' }, [el('retry', { count, id, t: node.attrs.t, v: 1 }), registration])
  }

  #accept(node: BinaryNode, { sender, device, chat }: Origin, message: proto.IMessage): void {
    const { sim, pn, behaviour, autoReply } = this.#person
    const id = node.attrs.id ?? ''
    const nowMs = sim.clock.nowMs()
    const mode = chat.endsWith('@lid') ? 'lid' : 'pn'
    const chatId = sim.groups.has(chat) ? chat : sender.jid(mode)
    const repeated = !sim.chats.show(sender.pn, pn, { id, chatId, fromMe: false, message, to: chat }, nowMs)
    const { deliverAfterMs, readAfterMs } = behaviour
    if (deliverAfterMs !== null) {
      const times = { deliverAtMs: nowMs + deliverAfterMs, readAtMs: readAfterMs === null ? null : nowMs + readAfterMs }
      sim.schedule.add(times.deliverAtMs, { kind: 'receipts', by: pn, to: sender.pn, chat, id, ...times })
    }
    const text = readable(message)
    const { type = '', edit } = node.attrs
    sim.events.emit('message', { person: this.#person, sender, device, chat, id, type, edit, message, text, repeated })
    if (repeated) return
    const reply = autoReply ? autoReply(text) : undefined
    if (reply) sim.schedule.add(nowMs, { kind: 'reply', by: pn, to: sender.pn, chat, id: newMessageId(), text: reply })
    this.#react(sender, chat, text)
  }

  #react(sender: Person, chat: string, text: string): void {
    const { sim, pn, behaviour } = this.#person
    const soonMs = sim.clock.nowMs() + (behaviour.deliverAfterMs ?? 0)
    const answer = { kind: 'reply', by: pn, to: sender.pn, chat, id: newMessageId() } as const
    if (behaviour.reaction === 'echo' && text !== '') sim.schedule.add(soonMs, { ...answer, text })
    else if (behaviour.reaction === 'image') sim.schedule.add(soonMs, { ...answer, text: null })
    else if (behaviour.reaction === 'logout') sim.schedule.add(soonMs, { kind: 'logout', to: sender.pn })
    // after the ack has had its way: a connection cut before it would have the message sent for ever
    else if (behaviour.reaction === 'drop') sim.schedule.add(soonMs, { kind: 'drop', to: sender.pn })
  }

  /** The chat of a 1:1 receipt is what the sender wrote in `to`: our number or our LID. */
  receipt(
    sender: Person,
    about: { chat: string; id: string; type?: string | undefined },
    content?: BinaryNode[],
  ): void {
    const me = this.#person
    const group = me.sim.groups.get(about.chat)
    const from = group ? { from: group.jid, participant: me.jid(group.addressing) } : { from: about.chat }
    const node = el('receipt', { ...from, id: about.id, type: about.type, t: me.sim.now() }, content)
    for (const companion of [...sender.companions.values()]) companion.deliver(node)
  }

  /** A receipt that a client sent about a message of ours. */
  async takeReceipt(companion: Companion, node: BinaryNode): Promise<void> {
    const listed = children(child(node, 'list'), 'item').map(item => item.attrs.id ?? '')
    const type = node.attrs.type ?? 'delivery'
    const ids = [node.attrs.id ?? '', ...listed]
    this.#person.sim.events.emit('receipt', { person: this.#person, from: companion, ids, type })
    if (type === 'retry') await this.#person.speaker.resend(companion, node)
  }

  /** The plain bytes of the media in a message that we were sent. */
  async download(message: proto.IMessage): Promise<Buffer> {
    for (const [field, kind] of Object.entries(MEDIA_KINDS)) {
      const media = message[field as keyof typeof MEDIA_KINDS]
      if (!media) continue
      const blob = await this.#person.sim.media.read(media.directPath || media.url || '')
      if (!blob || !media.mediaKey) throw new Error('no such media on the sandbox')
      return decryptMedia(blob, Buffer.from(media.mediaKey), kind)
    }
    throw new Error('no media in this message')
  }
}

const readable = (m: proto.IMessage): string =>
  m.conversation ||
  m.extendedTextMessage?.text ||
  m.imageMessage?.caption ||
  m.videoMessage?.caption ||
  m.documentMessage?.caption ||
  m.reactionMessage?.text ||
  ''
