import { AppState } from './app-state.ts'
import { type Behaviour, behaviourOf, nameOf } from './behaviour.ts'
import type { Companion } from './companion.ts'
import { Listener } from './listener.ts'
import { Phone } from './phone.ts'
import type { PhoneChat } from './sandbox.ts'
import { type DeviceKeys, newDeviceKeys, SignalDevice } from './signal-device.ts'
import type { Simulator } from './simulator.ts'
import { Speaker } from './speaker.ts'
import { USER_SERVER } from './stanza.ts'

/** Which of a user's two identities a stanza names. */
export type Addressing = 'pn' | 'lid'

export interface PersonRow {
  name: string
  about: string
  picture: string | null
  privacy: Record<string, string>
  blocked: string[]
  /** Packed `DeviceKeys`. */
  keys: string | null
  /** Of the devices linked so far. */
  keyIndex: number
  appStateKey: { id: string; data: string } | null
}

const MAX_BLOCKED = 1_000
const lidOf = (pn: string): string => `9${pn.padStart(14, '0')}`
/** No phone number starts with a zero, so the way back is plain. */
export const pnOf = (lid: string): string => lid.slice(1).replace(/^0+/, '')

/**
 * A WhatsApp user whose phone the sandbox plays: with real Signal keys, made on first use. A contact is in memory
 * while it is in use; everything it must remember is in the store. An account's phone has companions besides.
 */
export class Person {
  readonly sim: Simulator
  readonly pn: string
  readonly companions = new Map<number, Companion>()
  /** How its 1:1 messages are addressed. */
  addressing: Addressing
  behaviour: Behaviour
  /** Set by tests: what it says to a message. */
  autoReply: ((text: string) => string | undefined) | null = null
  readonly row: PersonRow
  #device: SignalDevice | undefined
  #speaker: Speaker | undefined
  #listener: Listener | undefined
  #phone: Phone | undefined
  #appState: AppState | undefined

  constructor(sim: Simulator, pn: string) {
    this.sim = sim
    this.pn = pn
    this.addressing = sim.options.addressing
    this.behaviour = behaviourOf(pn, sim.options.behaviour)
    const kept = sim.store.getText('person', pn)
    this.row = kept === undefined ? freshRow(pn) : JSON.parse(kept)
  }

  get lid(): string {
    return lidOf(this.pn)
  }

  get name(): string {
    return this.row.name
  }

  jid(mode: Addressing = 'pn', device = 0): string {
    const suffix = device > 0 ? `:${device}` : ''
    return mode === 'lid' ? `${this.lid}${suffix}@lid` : `${this.pn}${suffix}@${USER_SERVER}`
  }

  /** The other identity of the same user, as WhatsApp puts it on a stanza. */
  altAttrs(mode: Addressing, prefix: 'sender' | 'participant' | 'recipient' = 'sender'): Record<string, string> {
    return mode === 'lid' ? { [`${prefix}_pn`]: this.jid('pn') } : { [`${prefix}_lid`]: this.jid('lid') }
  }

  deviceIds(): number[] {
    return [0, ...this.companions.keys()]
  }

  get device(): SignalDevice {
    if (this.#device) return this.#device
    let keys: DeviceKeys
    if (this.row.keys === null) {
      keys = newDeviceKeys()
      this.row.keys = packKeys(keys)
      this.save()
    } else keys = unpackKeys(this.row.keys)
    return (this.#device = new SignalDevice(this.pn, keys, this.sim.signalKeys))
  }

  /** After a change of `device.keys`. */
  saveKeys(): void {
    this.row.keys = packKeys(this.device.keys)
    this.save()
  }

  get speaker(): Speaker {
    return (this.#speaker ??= new Speaker(this))
  }

  get listener(): Listener {
    return (this.#listener ??= new Listener(this))
  }

  get phone(): Phone {
    return (this.#phone ??= new Phone(this))
  }

  get appState(): AppState {
    return (this.#appState ??= new AppState(this))
  }

  /** Of an account's phone: its chat list and address book. A row of its own: the other is written often. */
  get chats(): PhoneChat[] {
    return JSON.parse(this.sim.store.getText('person', `${this.pn}|chats`) ?? '[]')
  }

  set chats(chats: PhoneChat[]) {
    this.sim.store.put('person', `${this.pn}|chats`, () => JSON.stringify(chats))
  }

  block(jid: string, blocked: boolean): void {
    const others = this.row.blocked.filter(b => b !== jid)
    this.row.blocked = blocked ? [...others, jid].slice(-MAX_BLOCKED) : others
    this.save()
  }

  addCompanion(companion: Companion): void {
    this.companions.set(companion.device, companion)
    this.sim.pin(this)
  }

  removeCompanion(companion: Companion): void {
    this.companions.delete(companion.device)
  }

  save(): void {
    this.sim.store.put('person', this.pn, () => JSON.stringify(this.row))
  }
}

const freshRow = (pn: string): PersonRow => ({
  name: nameOf(pn),
  about: 'Hey there! I am using WhatsApp.',
  picture: null,
  privacy: {},
  blocked: [],
  keys: null,
  keyIndex: 0,
  appStateKey: null,
})

const packKeys = (keys: DeviceKeys): string =>
  JSON.stringify(keys, (_, value: unknown) => {
    const packed = value as { type?: string; data?: number[] } | null
    return packed?.type === 'Buffer' ? { base64: Buffer.from(packed.data ?? []).toString('base64') } : value
  })

const unpackKeys = (text: string): DeviceKeys =>
  JSON.parse(text, (_, value: unknown) => {
    const packed = value as { base64?: string } | null
    return typeof packed?.base64 === 'string' ? Buffer.from(packed.base64, 'base64') : value
  })
