import type { Companion } from './companion.ts'
import { actIn, type Digest, isShown, mediaIn, readable, textIn } from './content.ts'
import type { Person } from './person.ts'
import type { SentAs } from './speaker.ts'
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

/** A message in the clear. `sent`: as its sender, another simulated phone, would send it again. */
export interface Taken extends Origin {
  id: string
  type: string
  edit?: string | undefined
  message: proto.IMessage
  sent?: SentAs
}

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
      // to its own phone, too, a message is readable or it is not: the fault is for those of others
      const broken = origin.sender !== this.#person && sim.faults.takeUnreadable(origin.sender.pn)
      if (broken) throw new Error('a fault: this message cannot be read')
      message = await this.#decrypt(node, origin)
    } catch (error) {
      sim.counters.undecryptable++
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
    else if (isShown(message)) {
      const { type = '', edit } = node.attrs
      await this.take({ ...origin, id, type, edit, message })
    }
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

  /** Shown, folded into what it is about, and answered. */
  async take({ sender, device, chat, id, type, edit, message, sent }: Taken): Promise<void> {
    const { sim, pn, autoReply } = this.#person
    const act = actIn(message)
    const media = await this.#look(message)
    const nowMs = sim.clock.nowMs()
    const group = sim.groups.get(chat)
    const chatId = group ? chat : sender.jid(chat.endsWith('@lid') ? 'lid' : 'pn')
    const entry = { id, chatId, from: sender.pn, message, media, act, to: chat, sent }
    const repeated = !sim.chats.show(sender.pn, pn, entry, nowMs)
    if (act && !repeated) {
      const admin = group !== undefined && group.role(sender) !== null
      sim.chats.fold(sender.pn, pn, { act, by: sender.pn, admin })
    }
    if (!group || group.answers(this.#person)) this.#plan({ to: sender.pn, chat, id, seen: act === null })
    const text = readable(message)
    sim.events.emit('message', { person: this.#person, sender, device, chat, id, type, edit, message, text, repeated })
    if (repeated || act) return
    const reply = autoReply ? autoReply(text) : undefined
    if (reply) sim.schedule.add(nowMs, { kind: 'reply', by: pn, to: sender.pn, chat, id: newMessageId(), text: reply })
    this.#react(sender, chat, textIn(message))
  }

  /** What the media turns out to be; null when there is none, or it cannot be had or opened. */
  async #look(message: proto.IMessage): Promise<Digest | null> {
    const { sim, pn } = this.#person
    if (!mediaIn(message)) return null
    return sim.media.look(message).catch(error => {
      sim.report(new Error(`the phone ${pn} cannot open media`, { cause: error }))
      return null
    })
  }

  /** Receipts to come. What is not shown is not read. */
  #plan({ to, chat, id, seen }: { to: string; chat: string; id: string; seen: boolean }): void {
    const { sim, pn, behaviour } = this.#person
    const { deliverAfterMs, readAfterMs } = behaviour
    if (deliverAfterMs === null) return
    const nowMs = sim.clock.nowMs()
    const readAtMs = readAfterMs === null || !seen ? null : nowMs + readAfterMs
    const deliverAtMs = nowMs + deliverAfterMs
    sim.schedule.add(deliverAtMs, { kind: 'receipts', by: pn, to, chat, id, deliverAtMs, readAtMs })
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
  download(message: proto.IMessage): Promise<Buffer> {
    return this.#person.sim.media.download(message)
  }
}
