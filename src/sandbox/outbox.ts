import { padded, type Store, type Value } from './store.ts'
import { type BinaryNode, decodeBinaryNode, encodeBinaryNode } from './wa.ts'

interface Entry {
  seq: number
  /** What the client's acknowledgement will name: `<tag> <id>`. */
  name: string
  /** Written to the present connection. */
  sent: boolean
}

/** A device that never comes back must not fill the disk: beyond this the oldest stanza is dropped. */
const MAX_STANZAS = 20_000

/**
 * Stanzas for one linked device, from the moment they are made until the device acknowledges them. Only their
 * names are in memory; the bytes are in the store.
 */
export class Outbox {
  readonly #store: Store
  readonly #owner: string
  /** In the order of delivery: a Map keeps the order of insertion. */
  readonly #entries = new Map<number, Entry>()
  readonly #byName = new Map<string, number[]>()
  #nextSeq = 1

  constructor(store: Store, owner: string) {
    this.#store = store
    this.#owner = owner
  }

  get size(): number {
    return this.#entries.size
  }

  /** What a process before this one left. */
  load(key: string, value: Value): void {
    const { name } = unpack(value)
    const seq = Number(key.slice(key.lastIndexOf('|') + 1))
    this.#remember({ seq, name, sent: false })
    this.#nextSeq = Math.max(this.#nextSeq, seq + 1)
  }

  /** Gives the bytes to write, should the device be there. */
  add(node: BinaryNode): { seq: number; bytes: Buffer } {
    if (this.#entries.size >= MAX_STANZAS) this.#drop(this.#entries.values().next().value!)
    const entry = { seq: this.#nextSeq++, name: nameOf(node), sent: false }
    const bytes = encodeBinaryNode(node)
    this.#remember(entry)
    this.#store.insert('queue', this.#key(entry.seq), pack(entry.name, bytes))
    return { seq: entry.seq, bytes }
  }

  markSent(seq: number): void {
    const entry = this.#entries.get(seq)
    if (entry) entry.sent = true
  }

  /** The connection is gone: what it was sent and did not acknowledge is open again. */
  markAllUnsent(): void {
    for (const entry of this.#entries.values()) entry.sent = false
  }

  unsent(): number[] {
    return [...this.#entries.values()].filter(e => !e.sent).map(e => e.seq)
  }

  tagOf(seq: number): string {
    return this.#entries.get(seq)?.name.split(' ', 1)[0] ?? ''
  }

  async read(seq: number): Promise<BinaryNode | undefined> {
    const value = this.#entries.has(seq) ? this.#store.get('queue', this.#key(seq)) : undefined
    return value === undefined ? undefined : decodeBinaryNode(unpack(value).bytes)
  }

  acknowledged(tag: string, id: string): void {
    const seqs = this.#byName.get(`${tag} ${id}`)
    const seq = seqs?.find(s => this.#entries.get(s)?.sent)
    if (seq !== undefined) this.#drop(this.#entries.get(seq)!)
  }

  clear(): void {
    for (const entry of [...this.#entries.values()]) this.#drop(entry)
  }

  #remember(entry: Entry): void {
    this.#entries.set(entry.seq, entry)
    const seqs = this.#byName.get(entry.name)
    if (seqs) seqs.push(entry.seq)
    else this.#byName.set(entry.name, [entry.seq])
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry.seq)
    const rest = this.#byName.get(entry.name)?.filter(s => s !== entry.seq) ?? []
    if (rest.length > 0) this.#byName.set(entry.name, rest)
    else this.#byName.delete(entry.name)
    this.#store.delete('queue', this.#key(entry.seq))
  }

  #key(seq: number): string {
    return `${this.#owner}|${padded(seq)}`
  }
}

const nameOf = (node: BinaryNode): string => `${node.tag} ${node.attrs.id ?? ''}`

function pack(name: string, bytes: Uint8Array): Buffer {
  const header = Buffer.from(name)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(header.length)
  return Buffer.concat([length, header, bytes])
}

function unpack(value: Value): { name: string; bytes: Buffer } {
  const all = Buffer.from(value as Uint8Array)
  const end = 2 + all.readUInt16BE(0)
  return { name: all.toString('utf8', 2, end), bytes: all.subarray(end) }
}
