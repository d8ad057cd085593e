import { rememberChats } from './address-book.ts'
import type { Companion } from './companion.ts'
import { MAX_TEXT } from './compose.ts'
import { injectFault } from './fault-requests.ts'
import { Group } from './group.ts'
import type { Addressing, Person } from './person.ts'
import { checkedChats, digits, keyOf, quote, subject, unknownMessage } from './requests.ts'
import {
  type ContactContent,
  type ContactMessage,
  type Fault,
  type GroupChange,
  type NetworkCounters,
  type PhoneChat,
  type SandboxControl,
  SandboxError,
  type SandboxGroup,
  type SandboxNetwork,
  type ShownMessage,
} from './sandbox.ts'
import type { Simulator } from './simulator.ts'
import type { BinaryNode, proto } from './wa.ts'

/** Numbers of accounts' phones: +55 11 90001-0000 and on, beyond those of the contacts with a character. */
const FIRST_ACCOUNT = 5_511_900_010_000
const MAX_PARTICIPANTS = 1_023
/** UTF-16 units: a family with skin tones has some thirty. */
const MAX_EMOJI = 64

/** A message on a contact's phone, and how that contact names it. */
interface Target {
  contact: Person
  to: Person | Group
  addressing: Addressing
  shown: ShownMessage
  key: proto.IMessageKey
}

/** Which virtual phone each account has, and what can be done with it. Every call resolves when its effect is stored. */
export class Control implements SandboxControl {
  readonly #sim: Simulator
  readonly #network: SandboxNetwork
  readonly #numbers = new Map<string, string>()

  constructor(sim: Simulator, network: SandboxNetwork) {
    this.#sim = sim
    this.#network = network
    for (const [account, pn] of sim.store.scan('account')) this.#numbers.set(account, String(pn))
  }

  async network(): Promise<SandboxNetwork> {
    return this.#network
  }

  counters = async (): Promise<NetworkCounters> => structuredClone(this.#sim.counters)

  async scan(account: string, request: { qr: string }): Promise<{ phoneNumber: string }> {
    const person = this.#phoneOf(account) ?? this.#newPhone(account, this.#freeNumber())
    return this.#linked(await person.phone.scan(request.qr))
  }

  async enterCode(account: string, request: { code: string; phoneNumber: string }): Promise<{ phoneNumber: string }> {
    const pn = digits(request.phoneNumber)
    const present = this.#phoneOf(account)
    const taken = [...this.#numbers].some(([other, number]) => number === pn && other !== account)
    if (taken) throw new SandboxError('invalid', 'this is the number of another phone')
    const person = present?.pn === pn ? present : this.#newPhone(account, pn)
    return this.#linked(await person.phone.enterCode(request.code.replace(/[^0-9A-Za-z]/g, '').toUpperCase()))
  }

  async sendMessage(account: string, request: ContactMessage): Promise<{ whatsappId: string }> {
    const person = this.#linkedPhone(account)
    const contact = this.#contact(request.from, person, 'from')
    const { chatId, content, quotedWhatsappId, hideNumber } = request
    const shown = quotedWhatsappId === undefined ? undefined : this.#shown(person, contact, quotedWhatsappId)
    const quoted = shown && quote(this.#sim, shown)
    const [to, mode] = this.#chat(chatId, person, contact)
    const addressing = hideNumber === true ? 'lid' : mode
    const options = { quoted, hidden: hideNumber === true, ...(addressing && { addressing }) }
    const whatsappId = await contact.speaker.say(to, content, options)
    await this.#sim.store.stored()
    return { whatsappId }
  }

  async sendFromPhone(
    account: string,
    request: { to: string; content: ContactContent },
  ): Promise<{ whatsappId: string }> {
    const person = this.#linkedPhone(account)
    const { to, content } = request
    const inGroup = typeof to === 'string' && to.endsWith('@g.us')
    const target = inGroup ? this.#sharedGroup(to, [person]) : this.#contact(to, person, 'to')
    const whatsappId = await person.speaker.say(target, content)
    await this.#sim.store.stored()
    return { whatsappId }
  }

  async messages(account: string, request: { contact: string }): Promise<ShownMessage[]> {
    const person = this.#phoneOf(account)
    return person ? this.#sim.chats.messages(person.pn, digits(request.contact)) : []
  }

  async reaction(account: string, request: { contact: string; whatsappId: string; emoji: string }): Promise<void> {
    const { emoji } = request
    if (typeof emoji !== 'string' || emoji.length > MAX_EMOJI) throw new SandboxError('invalid', 'emoji is one emoji')
    await this.#about(account, request, ({ contact, to, key, addressing }) =>
      contact.speaker.react(to, key, emoji, { addressing }),
    )
  }

  async editMessage(account: string, request: { contact: string; whatsappId: string; text: string }): Promise<void> {
    const { text } = request
    if (typeof text !== 'string' || text === '' || text.length > MAX_TEXT) {
      throw new SandboxError('invalid', `text has 1 to ${MAX_TEXT} characters`)
    }
    await this.#about(account, request, ({ contact, to, key, addressing, shown }) => {
      if (!shown.fromMe || shown.content.type !== 'text') {
        throw new SandboxError('invalid', 'a contact edits a text of its own only')
      }
      return contact.speaker.edit(to, key, text, { addressing })
    })
  }

  async deleteMessage(account: string, request: { contact: string; whatsappId: string }): Promise<void> {
    await this.#about(account, request, ({ contact, to, key, addressing, shown }) => {
      const admin = to instanceof Group && to.role(contact) !== null
      if (!shown.fromMe && !admin) throw new SandboxError('invalid', 'a contact deletes a message of its own only')
      return contact.speaker.delete(to, key, { addressing })
    })
  }

  async group(account: string, request: { subject: string; participants: string[] }): Promise<SandboxGroup> {
    const person = this.#phoneOf(account) ?? this.#newPhone(account, this.#freeNumber())
    const members = this.#participants(request.participants, person)
    if (members.length === 0)
      throw new SandboxError('invalid', 'must have one other than the account itself', 'participants')
    const group = this.#sim.group({ subject: subject(request.subject), owner: person, members })
    this.#sim.notifyGroup(group, person, group.creationNode())
    return this.#toldOf(group)
  }

  async changeGroup(account: string, request: GroupChange): Promise<SandboxGroup> {
    const person = this.#linkedPhone(account)
    const group = this.#sharedGroup(request.id, [person])
    const added = this.#participants(request.add ?? [], person).filter(p => !group.has(p))
    const gone = this.#participants(request.remove ?? [], person).filter(p => group.has(p))
    const name = request.subject === undefined ? undefined : subject(request.subject)
    const changes: BinaryNode[] = []
    if (added.length > 0) changes.push(group.change(added, 'add', () => null))
    if (gone.length > 0) changes.push(group.change(gone, 'remove', () => undefined))
    if (name !== undefined) changes.push(group.rename(person, name))
    for (const change of changes) this.#sim.notifyGroup(group, person, change, { gone })
    return this.#toldOf(group)
  }

  async phoneChats(account: string, request: { chats: PhoneChat[] }): Promise<void> {
    const person = this.#phoneOf(account) ?? this.#newPhone(account, this.#freeNumber())
    await rememberChats(
      person,
      checkedChats(request.chats, chat => this.#inAddressBook(chat, person)),
    )
    await this.#sim.store.stored()
  }

  async readOnPhone(account: string, request: { contact: string; whatsappIds?: string[] }): Promise<void> {
    const person = this.#linkedPhone(account)
    const contact = this.#contact(request.contact, person)
    if (!person.phone.read(contact, request.whatsappIds)) throw unknownMessage()
    await this.#sim.store.stored()
  }

  async receipt(
    account: string,
    request: { contact: string; whatsappId: string; status: 'delivered' | 'read' },
  ): Promise<void> {
    const person = this.#linkedPhone(account)
    const contact = this.#contact(request.contact, person)
    const { whatsappId: id, status } = request
    if (status !== 'delivered' && status !== 'read') throw new SandboxError('invalid', 'status is delivered or read')
    const chat = this.#sim.chats.receivedIn(person.pn, contact.pn, id)
    if (chat === undefined) throw unknownMessage()
    contact.listener.receipt(person, { chat, id, type: status === 'read' ? 'read' : undefined })
    await this.#sim.store.stored()
  }

  async fault(account: string, fault: Fault): Promise<void> {
    await injectFault(this.#linkedPhone(account), fault)
    await this.#sim.store.stored()
  }

  async forget(account: string): Promise<void> {
    const person = this.#phoneOf(account)
    if (!person) return
    for (const device of [...person.companions.values()]) device.unlink()
    this.#sim.removePerson(person)
    this.#numbers.delete(account)
    this.#sim.store.delete('account', account)
    await this.#sim.store.stored()
  }

  async #linked(companion: Companion): Promise<{ phoneNumber: string }> {
    await this.#sim.store.stored()
    return { phoneNumber: companion.person.pn }
  }

  #phoneOf(account: string): Person | undefined {
    const pn = this.#numbers.get(account)
    return pn === undefined ? undefined : this.#sim.person(pn)
  }

  #newPhone(account: string, pn: string): Person {
    this.#numbers.set(account, pn)
    this.#sim.store.put('account', account, pn)
    const person = this.#sim.person(pn)
    person.row.name = `Phone ${pn.slice(-4)}`
    person.save()
    return person
  }

  #freeNumber(): string {
    const next = Number(this.#sim.store.getText('meta', 'nextAccount') ?? FIRST_ACCOUNT)
    this.#sim.store.put('meta', 'nextAccount', String(next + 1))
    return String(next)
  }

  #linkedPhone(account: string): Person {
    const person = this.#phoneOf(account)
    if (!person || person.companions.size === 0)
      throw new SandboxError('not_linked', 'this account has no linked device')
    return person
  }

  #contact(number: string, account: Person, field = 'contact'): Person {
    const contact = this.#sim.resolve(`${digits(number, field)}@s.whatsapp.net`)?.person
    if (!contact) throw new SandboxError('invalid', 'is a number that is not on WhatsApp', field)
    if (contact === account) throw new SandboxError('invalid', "is the account's own number", field)
    return contact
  }

  /** Others than the account itself, each once. */
  #participants(numbers: string[], account: Person): Person[] {
    if (!Array.isArray(numbers) || numbers.length > MAX_PARTICIPANTS) {
      throw new SandboxError('invalid', `participants are up to ${MAX_PARTICIPANTS} numbers`)
    }
    const members = new Set<Person>()
    for (const [i, number] of numbers.entries()) {
      const field = `participants.${i}`
      if (digits(number, field) !== account.pn) members.add(this.#contact(number, account, field))
    }
    return [...members]
  }

  /** Where a contact writes, and which of its names it uses there. */
  #chat(chatId: string | undefined, person: Person, contact: Person): [Person | Group, Addressing | undefined] {
    if (chatId === undefined) return [person, undefined]
    if (chatId === person.jid()) return [person, 'pn']
    if (chatId === person.jid('lid')) return [person, 'lid']
    return [this.#sharedGroup(chatId, [person, contact]), undefined]
  }

  #sharedGroup(jid: unknown, members: Person[]): Group {
    const group = typeof jid === 'string' ? this.#sim.groups.get(jid) : undefined
    if (!group || !members.every(person => group.has(person))) {
      throw new SandboxError('invalid', 'is no chat that both are in', 'chatId')
    }
    return group
  }

  #inAddressBook(chat: string, person: Person): void {
    if (chat.endsWith('@g.us')) this.#sharedGroup(chat, [person])
    else this.#contact(chat, person)
  }

  #shown(person: Person, contact: Person, whatsappId: string): ShownMessage {
    const shown = this.#sim.chats.find(person.pn, contact.pn, whatsappId)
    if (!shown || shown.deleted) throw unknownMessage()
    return shown
  }

  /** What a contact does to a message that its phone shows. */
  async #about(
    account: string,
    request: { contact: string; whatsappId: string },
    act: (target: Target) => Promise<unknown>,
  ): Promise<void> {
    const person = this.#linkedPhone(account)
    const contact = this.#contact(request.contact, person)
    const shown = this.#shown(person, contact, request.whatsappId)
    const group = this.#sim.groups.get(shown.chatId)
    const to = group ? this.#sharedGroup(shown.chatId, [person, contact]) : person
    const addressing = shown.chatId.endsWith('@lid') ? 'lid' : 'pn'
    await act({ contact, to, addressing, shown, key: keyOf(this.#sim, shown) })
    await this.#sim.store.stored()
  }

  async #toldOf(group: Group): Promise<SandboxGroup> {
    await this.#sim.store.stored()
    return { id: group.jid, subject: group.row.subject, participantCount: group.numbers().length }
  }
}
