import { EventEmitter } from 'node:events'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import { type Behaviour, DEFAULT_BEHAVIOUR } from './behaviour.ts'
import { createServerIdentity, packIdentity, type ServerIdentity, unpackIdentity } from './certificate.ts'
import { ChatLog } from './chat-log.ts'
import { Companion, type CompanionRow } from './companion.ts'
import type { Connection } from './connection.ts'
import type { SimulatorEvents } from './events.ts'
import { Faults } from './faults.ts'
import { Group, type GroupRow } from './group.ts'
import { logIn } from './login.ts'
import type { MediaStore } from './media.ts'
import { Pairing } from './pairing.ts'
import { performAction } from './perform.ts'
import { type Addressing, Person, pnOf } from './person.ts'
import type { NetworkCounters } from './sandbox.ts'
import { Schedule } from './schedule.ts'
import { SignalKeys } from './signal-keys.ts'
import { el, newStanzaId, USER_SERVER } from './stanza.ts'
import type { Store } from './store.ts'
import { type BinaryNode, jidDecode, type proto } from './wa.ts'

export interface SimulatorOptions {
  /** How contacts address 1:1 messages. */
  addressing: Addressing
  /** `none`: the phone sends nothing after linking, and Baileys holds its events back for 20 s. */
  historySync: 'minimal' | 'none'
  /** A larger piece of history goes through the media host. */
  historyInlineMaxBytes: number
  /** The client is asked for more one-time prekeys below this. */
  lowPreKeyCount: number
  /** Routing info makes the client open its next connection with another header. */
  edgeRouting: boolean
  /** Leaves out `<ib><offline>`: Baileys then holds its events back for 30 s. */
  noOffline: boolean
  /** Of contacts without a magic number. */
  behaviour: Behaviour
  /** The data of a `w:mex` answer. */
  mex: ((queryId: string, variables: unknown) => unknown) | null
}

export const DEFAULT_OPTIONS: SimulatorOptions = {
  addressing: 'pn',
  historySync: 'minimal',
  historyInlineMaxBytes: 64 * 1024,
  lowPreKeyCount: 5,
  edgeRouting: true,
  noOffline: false,
  behaviour: DEFAULT_BEHAVIOUR,
  mex: null,
}

export interface Parts {
  store: Store
  media: MediaStore
  clock: Clock
  options: Partial<SimulatorOptions>
  onError: (error: unknown) => void
}

const MAX_CONTACTS_IN_MEMORY = 20_000

/** The network: who is on it, which groups there are, who is connected. Numbers need no sign-up. */
export class Simulator {
  readonly counters: NetworkCounters = { logins: 0, replaced: 0, late: 0, undecryptable: 0, resent: 0, awayMs: [] }
  readonly options: SimulatorOptions
  readonly store: Store
  readonly media: MediaStore
  readonly clock: Clock
  readonly identity: ServerIdentity
  readonly signalKeys: SignalKeys
  readonly chats: ChatLog
  readonly schedule: Schedule
  readonly pairing = new Pairing()
  readonly faults = new Faults()
  readonly events = new EventEmitter<SimulatorEvents>()
  readonly groups = new Map<string, Group>()
  readonly connections = new Set<Connection>()
  /** Sees each node that passes. */
  trace: ((from: 'client' | 'server', node: BinaryNode, conn: Connection) => void) | null = null
  /** `host:port` of the media host, as clients reach it. */
  mediaHost = ''
  readonly #onError: (error: unknown) => void
  readonly #timers = new Set<NodeJS.Timeout>()
  /** Phones of accounts: they stay. */
  readonly #pinned = new Map<string, Person>()
  readonly #contacts = new LRUCache<string, Person>({ max: MAX_CONTACTS_IN_MEMORY })
  readonly #retries = new LRUCache<string, number>({ max: 5_000 })

  constructor({ store, media, clock, options, onError }: Parts) {
    this.options = { ...DEFAULT_OPTIONS, ...options }
    this.store = store
    this.media = media
    this.clock = clock
    this.#onError = onError
    this.events.setMaxListeners(0)
    this.signalKeys = new SignalKeys(store)
    this.chats = new ChatLog(store)
    this.schedule = new Schedule({
      store,
      nowMs: () => clock.nowMs(),
      perform: (action, atMs) => performAction(this, action, atMs),
    })
    const kept = store.getText('meta', 'identity')
    this.identity = kept === undefined ? createServerIdentity(this.now()) : unpackIdentity(kept)
    if (kept === undefined) store.put('meta', 'identity', packIdentity(this.identity))
    this.#load()
  }

  #load(): void {
    for (const [key, value] of this.store.scan('companion')) {
      const row: CompanionRow = JSON.parse(String(value))
      const person = this.person(key.split(':')[0]!)
      person.addCompanion(new Companion(person, row))
    }
    for (const [key, value] of this.store.scan('queue')) {
      const [owner = ''] = key.split('|')
      const [pn = '', device = ''] = owner.split(':')
      this.#pinned.get(pn)?.companions.get(Number(device))?.outbox.load(key, value)
    }
    for (const [, value] of this.store.scan('group')) {
      const row: GroupRow = JSON.parse(String(value))
      const group = new Group(this, row)
      this.groups.set(group.jid, group)
    }
  }

  // --- who is there ---------------------------------------------------------
  person(pn: string): Person {
    const known = this.#pinned.get(pn) ?? this.#contacts.get(pn)
    if (known) return known
    const person = new Person(this, pn)
    this.#contacts.set(pn, person)
    return person
  }

  /** Keeps a person in memory: one who has devices, or was changed by a test. */
  pin(person: Person): void {
    this.#pinned.set(person.pn, person)
    this.#contacts.delete(person.pn)
  }

  /** As if there had never been such a phone. */
  removePerson(person: Person): void {
    this.#pinned.delete(person.pn)
    this.#contacts.delete(person.pn)
    this.signalKeys.forget(person.pn)
    for (const contact of this.chats.forget(person.pn)) this.signalKeys.forgetPeer(contact, `${person.lid}_1`)
    this.faults.forget(person.pn)
    this.store.delete('person', person.pn)
    this.store.delete('person', `${person.pn}|chats`)
    this.store.deletePrefix('appState', `${person.pn}|`)
    for (const group of this.groupsOf(person)) group.remove(person)
  }

  /** Whom a jid names, if that number is on WhatsApp: all are, but one. */
  resolve(jid: string): { person: Person; device: number } | undefined {
    const decoded = jidDecode(jid)
    if (!decoded) return undefined
    const { user, server, device = 0 } = decoded
    if (server !== 'lid' && server !== USER_SERVER && server !== 'c.us') return undefined
    const pn = server === 'lid' ? pnOf(user) : user
    if (!/^\d{6,15}$/.test(pn)) return undefined
    const person = this.person(pn)
    return person.behaviour.registered ? { person, device } : undefined
  }

  group(options: { subject: string; owner: Person; members: Person[]; addressing?: Addressing }): Group {
    const { subject, owner, members, addressing = 'lid' } = options
    const group = new Group(this, {
      id: `120363${String(this.clock.nowMs()).slice(-10)}${String(this.groups.size + 1)
        .padStart(4, '0')
        .slice(-4)}`,
      subject,
      owner: owner.pn,
      addressing,
      creation: this.now(),
      participants: [
        [owner.pn, 'superadmin'],
        ...members.filter(m => m !== owner).map(m => [m.pn, null] as [string, null]),
      ],
      description: null,
      announce: false,
      locked: false,
      inviteCode: null,
      picture: null,
    })
    this.groups.set(group.jid, group)
    group.save()
    return group
  }

  groupsOf(person: Person): Group[] {
    return [...this.groups.values()].filter(group => group.has(person))
  }

  groupByInvite(code: string): Group | undefined {
    return [...this.groups.values()].find(group => group.row.inviteCode === code)
  }

  /** To all linked devices of its members, and of those who have just left. */
  notifyGroup(group: Group, author: Person, change: BinaryNode, options: { gone?: Person[] } = {}): void {
    const mode = group.addressing
    const alt = author.altAttrs(mode, 'participant')
    const who = { participant: author.jid(mode), ...alt, notify: author.name, addressing_mode: mode }
    const attrs = { from: group.jid, type: 'w:gp2', id: newStanzaId(), t: this.now(), ...who }
    for (const person of new Set([...group.people(), ...(options.gone ?? [])])) {
      for (const c of person.companions.values()) c.deliver(el('notification', attrs, [change]))
    }
  }

  countRetry(key: string): number {
    const count = (this.#retries.get(key) ?? 0) + 1
    this.#retries.set(key, count)
    return count
  }

  /** Who may come in, and as what. */
  logIn(conn: Connection, payload: proto.ClientPayload): void {
    logIn(this, conn, payload)
  }

  /** The phone of an account, or a contact that a test pinned. */
  companionOf(pn: string, device: number): Companion | undefined {
    return this.#pinned.get(pn)?.companions.get(device)
  }

  // --- plumbing -------------------------------------------------------------
  now(): number {
    return Math.floor(this.clock.nowMs() / 1_000)
  }

  report(error: unknown): void {
    this.#onError(error)
  }

  timer(run: () => void, ms: number): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, ms)
    this.#timers.add(timer)
    return timer
  }

  cancel(timer: NodeJS.Timeout): void {
    clearTimeout(timer)
    this.#timers.delete(timer)
  }

  close(): void {
    this.schedule.close()
    this.pairing.close()
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    for (const conn of this.connections) conn.terminate()
  }
}
