import { contentOf } from './chat-log.ts'
import type { Companion } from './companion.ts'
import { Group } from './group.ts'
import { encryptMedia } from './media.ts'
import type { Addressing, Person } from './person.ts'
import { type Bundle, isSignedBy } from './signal-device.ts'
import { bytesOf, child, el, newMessageId, newStanzaId, uintOf } from './stanza.ts'
import type { BinaryNode, proto } from './wa.ts'

export interface SendOptions {
  id?: string
  type?: string
  mediatype?: string
  addressing?: Addressing
  /** Breaks the MAC: the client asks for a retry. */
  corrupt?: boolean
}

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

  react(to: Person | Group, key: proto.IMessageKey, emoji: string): Promise<string> {
    const reactionMessage = { key, text: emoji, senderTimestampMs: this.#person.sim.clock.nowMs() }
    return this.send(to, { reactionMessage }, { type: 'reaction' })
  }

  async image(
    to: Person | Group,
    bytes: Buffer,
    options: SendOptions & { caption?: string; mimetype?: string } = {},
  ): Promise<string> {
    const { sim } = this.#person
    const { caption, mimetype = 'image/jpeg', ...rest } = options
    const { blob, ...keys } = await encryptMedia(bytes, 'image')
    const place = await sim.media.publish('image', blob)
    const imageMessage = { ...place, mimetype, caption, mediaKeyTimestamp: sim.now(), ...keys }
    return this.send(to, { imageMessage }, { type: 'media', mediatype: 'image', ...rest })
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
    const { id, type = 'text', mediatype, addressing = me.addressing, corrupt = false } = options
    const base = { id, type, t: me.sim.now(), from: me.jid(addressing), notify: me.name, addressing_mode: addressing }
    const attrs = { ...base, ...me.altAttrs(addressing) }
    for (const companion of [...to.companions.values()]) {
      const enc = await this.#encryptFor(companion, message, { mediatype })
      if (corrupt) (enc.content as Uint8Array)[(enc.content as Uint8Array).length - 1]! ^= 1
      companion.deliver(el('message', attrs, [enc]))
    }
    if (to === me) return
    const sent = { type, mediatype, chat: addressing }
    const chatId = to.jid(addressing)
    me.sim.chats.show(to.pn, me.pn, { id, chatId, fromMe: true, message, sent }, me.sim.clock.nowMs())
    // our own linked devices get a copy that says where it went
    for (const companion of [...me.companions.values()]) {
      const copy = { deviceSentMessage: { destinationJid: chatId, message } }
      const enc = await this.#encryptFor(companion, copy, { mediatype })
      companion.deliver(el('message', { ...attrs, recipient: chatId, ...to.altAttrs(addressing, 'recipient') }, [enc]))
    }
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
    const { id, type = 'text', mediatype } = options
    const { ciphertext, distribution } = await this.#senderKey(group, message)
    const known = this.#senderKeySent.get(group.jid) ?? new Set()
    this.#senderKeySent.set(group.jid, known)
    const attrs = { id, type, t: me.sim.now(), notify: me.name, ...this.#groupFrom(group) }
    for (const person of group.people()) {
      for (const companion of [...person.companions.values()]) {
        const content = [el('enc', { v: 2, type: 'skmsg', mediatype }, ciphertext)]
        if (!known.has(companion.lid)) content.unshift(await this.#encryptFor(companion, distribution))
        known.add(companion.lid)
        companion.deliver(el('message', attrs, content))
      }
      if (person === me || person.companions.size === 0) continue
      const sent = { type, mediatype, chat: group.jid }
      me.sim.chats.show(person.pn, me.pn, { id, chatId: group.jid, fromMe: true, message, sent }, me.sim.clock.nowMs())
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
    const id = node.attrs.id ?? ''
    const item = me.sim.chats.sent(companion.person.pn, me.pn, id)
    if (!item) return
    const keys = child(node, 'keys')
    // the old session is closed, not deleted: what the device sent in it may still be on its way
    await me.device.startSession(companion.lid, keys ? bundleOf(node, keys, companion) : companion.takeBundle())
    const count = child(node, 'retry')?.attrs.count ?? '1'
    const group = me.sim.groups.get(item.chat)
    const message = group ? { ...item.message, ...(await this.#senderKey(group, {})).distribution } : item.message
    const enc = await this.#encryptFor(companion, message, { mediatype: item.mediatype, count })
    const base = { id, type: item.type, t: me.sim.now(), notify: me.name }
    if (item.chat === 'peer') companion.deliver(el('message', { ...base, from: me.jid(), category: 'peer' }, [enc]))
    else if (group) companion.deliver(el('message', { ...base, ...this.#groupFrom(group) }, [enc]))
    else {
      const mode: Addressing = item.chat === 'lid' ? 'lid' : 'pn'
      companion.deliver(
        el('message', { ...base, from: me.jid(mode), addressing_mode: mode, ...me.altAttrs(mode) }, [enc]),
      )
    }
    me.sim.events.emit('resent', { person: me, id, content: contentOf(item.message) })
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

/** The keys that a client sends with its request, so that the new session does not wait for the server. */
function bundleOf(node: BinaryNode, keys: BinaryNode, companion: Companion): Bundle {
  const signed = child(keys, 'skey')
  const oneTime = child(keys, 'key')
  const identity = bytesOf(child(keys, 'identity'))
  const signedPreKey = {
    id: uintOf(bytesOf(child(signed, 'id'))),
    key: bytesOf(child(signed, 'value')),
    signature: bytesOf(child(signed, 'signature')),
  }
  if (!identity.equals(companion.identity) || !isSignedBy(identity, signedPreKey)) return companion.takeBundle()
  const preKey = oneTime && { id: uintOf(bytesOf(child(oneTime, 'id'))), key: bytesOf(child(oneTime, 'value')) }
  return { registrationId: uintOf(bytesOf(child(node, 'registration'))), identity, signedPreKey, preKey }
}
