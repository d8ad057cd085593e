import { randomBytes } from 'node:crypto'
import type { Person } from './person.ts'
import { el, newStanzaId, SERVER_JID } from './stanza.ts'
import { padded } from './store.ts'
import { decodeSyncdPatch, encodeSyncdPatch, newLTHashState, proto } from './wa.ts'

export type Collection = 'critical_unblock_low' | 'regular_high' | 'regular_low'

/** What the account's own devices keep in step: names, archived, pinned, muted. */
export interface Change {
  collection: Collection
  index: string[]
  /** Of the kind of action. */
  version: number
  action: proto.ISyncActionValue
}

type HashState = Parameters<typeof encodeSyncdPatch>[2]

const { SET } = proto.SyncdMutation.SyncdOperation

/**
 * The logs of patches of one account, which the server keeps and cannot read. The phone adds to them like any device:
 * from the sum of all patches before, its own key, and a MAC over both.
 */
export class AppState {
  readonly #person: Person
  #chain: Promise<unknown> = Promise.resolve()

  constructor(person: Person) {
    this.#person = person
  }

  /** In the order of their versions, the first is 1. */
  patches(collection: string): Buffer[] {
    const rows = this.#person.sim.store.scan('appState', this.#prefix(collection))
    return rows.map(([, value]) => Buffer.from(value as Uint8Array))
  }

  /** A device's patch; `version` is the one that it makes. */
  append(collection: string, version: number, patch: proto.ISyncdPatch): void {
    const bytes = proto.SyncdPatch.encode({ ...patch, version: { version } }).finish()
    this.#person.sim.store.put('appState', `${this.#prefix(collection)}${padded(version, 8)}`, bytes)
  }

  /** The key that each device is given at its first login. */
  key(): { id: Buffer; data: Buffer } {
    const { row } = this.#person
    if (!row.appStateKey) {
      row.appStateKey = { id: randomBytes(6).toString('base64'), data: randomBytes(32).toString('base64') }
      this.#person.save()
    }
    const { id, data } = row.appStateKey
    return { id: Buffer.from(id, 'base64'), data: Buffer.from(data, 'base64') }
  }

  /** Written by the phone; the linked devices are told where to look. */
  change(changes: Change[]): Promise<void> {
    const done = this.#chain.then(async () => {
      for (const collection of new Set(changes.map(c => c.collection))) {
        await this.#write(
          collection,
          changes.filter(c => c.collection === collection),
        )
        this.tell(collection)
      }
    })
    this.#chain = done.catch(() => {})
    return done
  }

  tell(collection: string, except?: unknown): void {
    const { companions, sim } = this.#person
    const version = this.patches(collection).length
    for (const companion of companions.values()) {
      if (companion === except) continue
      const attrs = { from: SERVER_JID, type: 'server_sync', id: newStanzaId(), t: sim.now() }
      companion.deliver(el('notification', attrs, [el('collection', { name: collection, version })]))
    }
  }

  async #write(collection: Collection, changes: Change[]): Promise<void> {
    const { id, data } = this.key()
    const getKey = async () => ({ keyData: data })
    let state = await this.#sum(collection)
    for (const { index, version, action } of changes) {
      const timestamp = this.#person.sim.clock.nowMs()
      const syncAction = { ...action, timestamp }
      const change = { type: collection, index, syncAction, apiVersion: version, operation: SET }
      // a device may write between two of ours: then the sum is another
      for (;;) {
        const made = await encodeSyncdPatch(change, id.toString('base64'), state, getKey)
        if (this.patches(collection).length + 1 === made.state.version) {
          this.append(collection, made.state.version, made.patch)
          state = made.state
          break
        }
        state = await this.#sum(collection)
      }
    }
  }

  async #sum(collection: Collection): Promise<HashState> {
    const { data } = this.key()
    let state: HashState = newLTHashState()
    for (const [i, bytes] of this.patches(collection).entries()) {
      const patch = proto.SyncdPatch.decode(bytes)
      const next = await decodeSyncdPatch(
        patch,
        collection,
        state,
        async () => ({ keyData: data }),
        () => {},
        false,
      )
      state = { version: i + 1, ...next }
    }
    return state
  }

  #prefix(collection: string): string {
    return `${this.#person.pn}|${collection}|`
  }
}
