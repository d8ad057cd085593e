import type { SentMessage } from './chat-log.ts'
import type { Companion } from './companion.ts'
import { compose } from './compose.ts'
import { actIn, contentOf, type Digest } from './content.ts'
import { Group } from './group.ts'
import type { Addressing, Person } from './person.ts'
import { bundleOf } from './retry-bundle.ts'
import type { ContactContent } from './sandbox.ts'
import { child, el, newMessageId, newStanzaId } from './stanza.ts'
import { type BinaryNode, proto } from './wa.ts'

export interface SendOptions {
  id?: string
  type?: string
  mediatype?: string
  /** `1`: an edit; `7`, `8`: a deletion by the author, by an admin. */
  edit?: string
  addressing?: Addressing
  /** Leaves out which other name belongs to ours. */
  hidden?: boolean
  /** Of media: what the bytes are. */
  media?: Digest
  /** Breaks the MAC: the client asks for a retry. */
  corrupt?: boolean
}

export type SentAs = Omit<SentMessage, 'message'>

const { REVOKE, MESSAGE_EDIT } = proto.Message.ProtocolMessage.Type

/** What a simulated phone says: encrypted for each linked device of the other side, and for its own. */
export class Speaker {
  readonly #person: Person
  /** Of each group, the devices that have our sender key. In memory: a repeated key does no harm. */
  readonly #senderKeySent = new Map<string, Set<string>>()
  #chain: Promise<unknown> = Promise.resolve()

  constructor(person: Person) {
    this.#person = person
  }

  text(to: Person | Group, text: string, options?: SendOptions): Promise<string> {
    return this.send(to, { conversation: text }, options)
  }

  /** Any kind that a person can write. */
  async say(
    to: Person | Group,
    content: ContactContent,
    options: SendOptions & { quoted?: proto.IContextInfo | undefined } = {},
  ): Promise<string> {
    const { quoted, ...rest } = options
    const owner = to instanceof Group ? to.row.id : to.pn
    const { message, ...kind } = await compose(this.#person.sim, { content, owner, quoted })
    return this.send(to, message, { ...kind, ...rest })
  }

  image(
    to: Person | Group,
    bytes: Buffer,
    options: SendOptions & { caption?: string; mimetype?: string } = {},
  ): Promise<string> {
    const { caption, mimetype: mimeType = 'image/jpeg', ...rest } = options
    return this.say(to, { type: 'image', bytes: bytes.toString('base64'), mimeType, caption: caption ?? null }, rest)
  }

  react(to: Person | Group, key: proto.IMessageKey, emoji: string, options?: SendOptions): Promise<string> {
    const reactionMessage = { key, text: emoji, senderTimestampMs: this.#person.sim.clock.nowMs() }
    return this.send(to, { reactionMessage }, { type: 'reaction', ...options })
  }

  /** Of a text of our own. */
  edit(to: Person | Group, key: proto.IMessageKey, text: string, options?: SendOptions): Promise<string> {
    const timestampMs = this.#person.sim.clock.nowMs()
    const protocolMessage = { key, type: MESSAGE_EDIT, editedMessage: { conversation: text }, timestampMs }
    return this.send(to, { editedMessage: { message: { protocolMessage } } }, { edit: '1', ...options })
  }

  /** For everyone: our own, or as an admin of the group another's. */
  delete(to: Person | Group, key: proto.IMessageKey, options?: SendOptions): Promise<string> {
    return this.send(to, { protocolMessage: { key, type: REVOKE } }, { edit: key.fromMe ? '7' : '8', ...options })
  }

  /** The message's id. Calls are taken in turn, so their order is the order on the wire. */
  send(to: Person | Group, message: proto.IMessage, options: SendOptions = {}): Promise<string> {
    const id = options.id ?? newMessageId()
    const run = async () => {
      if (to instanceof Group) await this.#toGroup(to, message, { ...options, id })
      else await this.#toUser(to, message, { ...options, id })
      return id
    }
    const sent = this.#chain.then(run)
    this.#chain = sent.catch(() => {})
    return sent
  }

  async #toUser(to: Person, message: proto.IMessage, options: SendOptions & { id: string }): Promise<void> {
    const me = this.#person
    const { id, type = 'text', mediatype, edit, addressing = me.addressing, corrupt = false } = options
    const base = { id, type, edit, t: me.sim.now(), from: me.jid(addressing), notify: me.name }
    const attrs = { ...base, addressing_mode: addressing, ...(!options.hidden && me.altAttrs(addressing)) }
    const chat = to.jid(addressing)
    const sent = { type, mediatype, edit, chat: addressing }
    if (to !== me) {
      if (me.companions.size > 0)
        await to.listener.take({ ...options, type, sender: me, device: 0, chat, message, sent })
      if (to.companions.size > 0 || me.companions.size === 0)
        this.#show(to, me, { ...options, chatId: chat, message, sent })
    }
    for (const companion of [...to.companions.values()]) {
      const enc = await this.#encryptFor(companion, message, { mediatype })
      if (corrupt) (enc.content as Uint8Array)[(enc.content as Uint8Array).length - 1]! ^= 1
      companion.deliver(el('message', attrs, [enc]))
    }
    if (to === me) return
    for (const companion of [...me.companions.values()]) await this.#copy(companion, { to, message, attrs, mediatype })
  }

  /** Our own linked devices get a copy that says where it went. */
  async #copy(
    companion: Companion,
    copy: {
      to: Person
      message: proto.IMessage
      attrs: Record<string, string | number | undefined>
      mediatype?: string | undefined
      count?: string
    },
  ): Promise<void> {
    const { to, message, attrs, mediatype, count } = copy
    const mode: Addressing = attrs.addressing_mode === 'lid' ? 'lid' : 'pn'
    const destinationJid = to.jid(mode)
    const encAttrs = { mediatype, ...(count && { count }) }
    const enc = await this.#encryptFor(companion, { deviceSentMessage: { destinationJid, message } }, encAttrs)
    const recipient = { recipient: destinationJid, ...to.altAttrs(mode, 'recipient') }
    companion.deliver(el('message', { ...attrs, ...recipient }, [enc]))
  }

  /** On the phone of `contact`, among its traffic with `account`. */
  #show(
    account: Person,
    contact: Person,
    what: { id: string; chatId: string; message: proto.IMessage; sent?: SentAs; media?: Digest; group?: Group },
  ): void {
    const me = this.#person
    const { group, ...entry } = what
    const act = actIn(what.message)
    const isNew = me.sim.chats.show(account.pn, contact.pn, { ...entry, from: me.pn, act }, me.sim.clock.nowMs())
    if (!isNew || !act) return
    const admin = group !== undefined && group.role(me) !== null
    me.sim.chats.fold(account.pn, contact.pn, { act, by: me.pn, admin })
  }

  /** To one of our own devices only: how phones send keys and history. */
  async peer(companion: Companion, message: proto.IMessage): Promise<void> {
    const me = this.#person
    const id = newMessageId()
    const enc = await this.#encryptFor(companion, message)
    me.sim.chats.rememberPeer(me.pn, id, message)
    const attrs = { id, from: me.jid(), category: 'peer', type: 'text', t: me.sim.now(), notify: me.name }
    companion.deliver(el('message', attrs, [enc]))
  }

  async #toGroup(group: Group, message: proto.IMessage, options: SendOptions & { id: string }): Promise<void> {
    const me = this.#person
    const { id, type = 'text', mediatype, edit } = options
    const { ciphertext, distribution } = await this.#senderKey(group, message)
    const known = this.#senderKeySent.get(group.jid) ?? new Set()
    this.#senderKeySent.set(group.jid, known)
    const attrs = { id, type, edit, t: me.sim.now(), notify: me.name, ...this.#groupFrom(group) }
    const people = group.people()
    const sent = { type, mediatype, edit, chat: group.jid }
    for (const person of people) {
      if (person === me) continue
      if (me.companions.size > 0) {
        await person.listener.take({ ...options, type, sender: me, device: 0, chat: group.jid, message, sent })
      }
      if (person.companions.size === 0) continue
      // what an account is sent, all who are in the group with it see too
      for (const contact of people) {
        if (contact === person) continue
        const seen = { ...options, chatId: group.jid, message, group }
        this.#show(person, contact, contact === me ? { ...seen, sent } : seen)
      }
    }
    for (const person of people) {
      for (const companion of [...person.companions.values()]) {
        const content = [el('enc', { v: 2, type: 'skmsg', mediatype }, ciphertext)]
        if (!known.has(companion.lid)) content.unshift(await this.#encryptFor(companion, distribution))
        known.add(companion.lid)
        companion.deliver(el('message', attrs, content))
      }
    }
  }

  #groupFrom(group: Group): Record<string, string> {
    const mode = group.addressing
    const me = this.#person
    return { from: group.jid, participant: me.jid(mode), addressing_mode: mode, ...me.altAttrs(mode, 'participant') }
  }

  async #senderKey(group: Group, message: proto.IMessage) {
    const out = await this.#person.device.encryptGroup(group.jid, this.#person.jid('lid'), message)
    const axolotlSenderKeyDistributionMessage = out.senderKeyDistributionMessage
    const distribution = { senderKeyDistributionMessage: { groupId: group.jid, axolotlSenderKeyDistributionMessage } }
    return { ciphertext: out.ciphertext, distribution }
  }

  async #encryptFor(
    companion: Companion,
    message: proto.IMessage,
    attrs: { mediatype?: string | undefined; count?: string } = {},
  ): Promise<BinaryNode> {
    const { device } = this.#person
    if (!device.hasSession(companion.lid, companion.identity))
      await device.startSession(companion.lid, companion.takeBundle())
    const { type, ciphertext } = await device.encrypt(companion.lid, message)
    return el('enc', { v: 2, type, ...attrs }, ciphertext)
  }

  /** A device could not read a message of ours: a new session, and the message again. */
  async resend(companion: Companion, node: BinaryNode): Promise<void> {
    const me = this.#person
    const { sim } = me
    const id = node.attrs.id ?? ''
    const own = companion.person === me
    const to = own ? sim.resolve(node.attrs.recipient ?? '')?.person : undefined
    const item = own ? this.#ownSent(node, to) : sim.chats.sent(companion.person.pn, me.pn, id)
    if (!item) return
    const keys = child(node, 'keys')
    // the old session is closed, not deleted: what the device sent in it may still be on its way
    await me.device.startSession(companion.lid, keys ? bundleOf(node, keys, companion) : companion.takeBundle())
    const count = child(node, 'retry')?.attrs.count ?? '1'
    const { mediatype } = item
    const group = sim.groups.get(item.chat)
    const base = { id, type: item.type, edit: item.edit, t: sim.now(), notify: me.name }
    const mode: Addressing = item.chat === 'lid' ? 'lid' : 'pn'
    const direct = { ...base, from: me.jid(mode), addressing_mode: mode, ...me.altAttrs(mode) }
    if (to) await this.#copy(companion, { to, message: item.message, attrs: direct, mediatype, count })
    else {
      const message = group ? { ...item.message, ...(await this.#senderKey(group, {})).distribution } : item.message
      const enc = await this.#encryptFor(companion, message, { mediatype, count })
      const peer = { ...base, from: me.jid(), category: 'peer' }
      const attrs = item.chat === 'peer' ? peer : group ? { ...base, ...this.#groupFrom(group) } : direct
      companion.deliver(el('message', attrs, [enc]))
    }
    sim.counters.resent++
    sim.events.emit('resent', { person: me, id, content: contentOf(item.message) })
  }

  /** Of our own devices one asks: for what we told it alone, a copy of what we wrote to somebody, or to a group. */
  #ownSent(node: BinaryNode, to: Person | undefined): SentMessage | undefined {
    const { sim, pn } = this.#person
    const { id = '', to: asked = '' } = node.attrs
    if (to) return sim.chats.sent(pn, to.pn, id)
    const group = sim.groups.get(asked)
    return group ? sim.chats.sentToOneOf(pn, group.numbers(), id) : sim.chats.sent(pn, pn, id)
  }

  // --- of the moment: not kept, and of use only to a device that is there ---
  typing(to: Person, state: 'composing' | 'paused' | 'recording' = 'composing'): void {
    const audio = state === 'recording'
    const child = el(audio ? 'composing' : state, audio ? { media: 'audio' } : {})
    for (const c of to.companions.values()) {
      c.sendIfOnline(el('chatstate', { from: this.#person.jid(this.#person.addressing), to: c.jid }, [child]))
    }
  }

  presence(to: Person, type: 'available' | 'unavailable' = 'available', lastSeen?: number): void {
    const from = this.#person.jid(this.#person.addressing)
    const node = el('presence', { from, type: type === 'available' ? undefined : type, last: lastSeen })
    for (const c of to.companions.values()) c.sendIfOnline(node)
  }

  call(to: Person, options: { video?: boolean; id?: string } = {}): string {
    const me = this.#person
    const id = options.id ?? newMessageId()
    const from = me.jid(me.addressing)
    const media = options.video ? [el('video'), el('audio')] : [el('audio')]
    this.#ring(to, el('offer', { 'call-id': id, 'call-creator': from, caller_pn: me.jid() }, media))
    return id
  }

  hangUp(to: Person, callId: string, reason: string): void {
    const from = this.#person.jid(this.#person.addressing)
    this.#ring(to, el('terminate', { 'call-id': callId, 'call-creator': from, reason }))
  }

  #ring(to: Person, content: BinaryNode): void {
    const { sim, addressing } = this.#person
    const attrs = { from: this.#person.jid(addressing), t: sim.now() }
    for (const c of to.companions.values()) c.deliver(el('call', { id: newStanzaId(), ...attrs }, [content]))
  }
}
