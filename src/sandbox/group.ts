import type { Addressing, Person } from './person.ts'
import type { Simulator } from './simulator.ts'
import { el } from './stanza.ts'
import type { BinaryNode } from './wa.ts'

export type Role = 'superadmin' | 'admin' | null

export interface GroupRow {
  id: string
  subject: string
  /** Phone number. */
  owner: string
  addressing: Addressing
  creation: number
  participants: [pn: string, role: Role][]
  description: { id: string; t: number; by: string; text: string } | null
  announce: boolean
  locked: boolean
  inviteCode: string | null
  picture: string | null
}

/** Each of them costs the account two stanzas per message. */
const MAX_ANSWERING = 100

/** A group by its members' numbers; they are looked up when they are needed. */
export class Group {
  readonly sim: Simulator
  readonly row: GroupRow
  readonly #roles: Map<string, Role>

  constructor(sim: Simulator, row: GroupRow) {
    this.sim = sim
    this.row = row
    this.#roles = new Map(row.participants)
  }

  get jid(): string {
    return `${this.row.id}@g.us`
  }

  get addressing(): Addressing {
    return this.row.addressing
  }

  has(person: Person): boolean {
    return this.#roles.has(person.pn)
  }

  people(): Person[] {
    return [...this.#roles.keys()].map(pn => this.sim.person(pn))
  }

  numbers(): string[] {
    return [...this.#roles.keys()]
  }

  /** Whether this member's phone tells that it has a message, and that it was read: of a large group only some do. */
  answers(person: Person): boolean {
    let rank = 0
    for (const pn of this.#roles.keys()) {
      if (rank++ >= MAX_ANSWERING) return false
      if (pn === person.pn) return true
    }
    return false
  }

  role(person: Person): Role {
    return this.#roles.get(person.pn) ?? null
  }

  set(person: Person, role: Role): void {
    this.#roles.set(person.pn, role)
    this.save()
  }

  remove(person: Person): void {
    this.#roles.delete(person.pn)
    this.save()
  }

  save(): void {
    this.row.participants = [...this.#roles]
    this.sim.store.put('group', this.jid, () => JSON.stringify(this.row))
  }

  node(): BinaryNode {
    const { row, addressing } = this
    const owner = this.sim.person(row.owner)
    const creator = owner.jid(addressing)
    const content = this.people().map(person => this.participantNode(person))
    if (row.description) {
      const { id, t, by, text } = row.description
      const participant = this.sim.person(by).jid(addressing)
      content.push(el('description', { id, t, participant }, [el('body', {}, Buffer.from(text))]))
    }
    if (row.announce) content.push(el('announcement'))
    if (row.locked) content.push(el('locked'))
    const times = { s_t: row.creation, s_o: creator, creation: row.creation }
    const who = { creator, creator_pn: owner.jid(), addressing_mode: addressing, size: this.#roles.size }
    return el('group', { id: row.id, subject: row.subject, ...times, ...who }, content)
  }

  /** Gives each the role, `undefined` takes them out; what the members are told of it. */
  change(people: Person[], action: string, roleOf: (person: Person) => Role | undefined): BinaryNode {
    const nodes: BinaryNode[] = []
    for (const person of people) {
      const role = roleOf(person)
      if (role === undefined) this.remove(person)
      else this.set(person, role)
      nodes.push(this.participantNode(person))
    }
    return el(action, {}, nodes)
  }

  rename(author: Person, subject: string): BinaryNode {
    this.row.subject = subject
    this.save()
    return el('subject', { subject, s_t: this.sim.now(), s_o: author.jid(this.addressing) })
  }

  /** What the devices of its members are told when it is made. */
  creationNode(key = this.row.id): BinaryNode {
    return el('create', { type: 'new', key }, [this.node()])
  }

  participantNode(person: Person): BinaryNode {
    const other = this.addressing === 'lid' ? { phone_number: person.jid() } : { lid: person.jid('lid') }
    return el('participant', { jid: person.jid(this.addressing), type: this.role(person), ...other })
  }
}
