import type { Companion } from './companion.ts'
import type { Group } from './group.ts'
import type { Person } from './person.ts'
import {
  type ContactMessage,
  type Fault,
  type SandboxControl,
  SandboxError,
  type SandboxNetwork,
  type ShownMessage,
} from './sandbox.ts'
import type { Simulator } from './simulator.ts'

/** Numbers of accounts' phones: +55 11 90001-0000 and on, beyond those of the contacts with a character. */
const FIRST_ACCOUNT = 5_511_900_010_000
const MAX_TEXT = 65_536

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
    const contact = this.#contact(request.from, person)
    if (request.content?.type !== 'text' || typeof request.content.text !== 'string' || request.content.text === '') {
      throw new SandboxError('invalid', 'a contact can send text only')
    }
    if (request.content.text.length > MAX_TEXT) throw new SandboxError('invalid', `text is longer than ${MAX_TEXT}`)
    const to = request.chatId?.endsWith('@g.us') ? this.#sharedGroup(request.chatId, [person, contact]) : person
    const whatsappId = await contact.speaker.text(to, request.content.text)
    await this.#sim.store.stored()
    return { whatsappId }
  }

  async messages(account: string, request: { contact: string }): Promise<ShownMessage[]> {
    const person = this.#phoneOf(account)
    return person ? this.#sim.chats.messages(person.pn, digits(request.contact)) : []
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
    if (chat === undefined) throw new SandboxError('unknown_message', 'the contact has no such message')
    contact.listener.receipt(person, { chat, id, type: status === 'read' ? 'read' : undefined })
    await this.#sim.store.stored()
  }

  async fault(account: string, fault: Fault): Promise<void> {
    const person = this.#linkedPhone(account)
    const { faults } = this.#sim
    const devices = [...person.companions.values()]
    if (fault.kind === 'drop') for (const device of devices) device.drop()
    else if (fault.kind === 'stream_error') for (const device of devices) device.streamError(code(fault.code))
    else if (fault.kind === 'hold_acks') faults.holdAcks(person.pn)
    else if (fault.kind === 'release_acks') faults.releaseAcks(person.pn)
    else if (fault.kind === 'duplicate_next') faults.duplicateNextFor(person.pn)
    else if (fault.kind === 'logout') for (const device of devices) device.unlink()
    else throw new SandboxError('invalid', 'unknown fault')
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

  #contact(number: string, account: Person): Person {
    const contact = this.#sim.resolve(`${digits(number)}@s.whatsapp.net`)?.person
    if (!contact) throw new SandboxError('invalid', 'this number is not on WhatsApp')
    if (contact === account) throw new SandboxError('invalid', "this is the account's own number")
    return contact
  }

  #sharedGroup(jid: string, members: Person[]): Group {
    const group = this.#sim.groups.get(jid)
    if (!group || !members.every(person => group.has(person))) {
      throw new SandboxError('invalid', 'there is no such group with both in it')
    }
    return group
  }
}

function digits(number: unknown): string {
  const plain = typeof number === 'string' ? number.replace(/^\+/, '') : ''
  if (!/^[1-9]\d{5,14}$/.test(plain)) throw new SandboxError('invalid', 'a phone number has 6 to 15 digits')
  return plain
}

function code(value: unknown): number {
  if (!Number.isInteger(value)) throw new SandboxError('invalid', 'code is a number')
  return value as number
}
