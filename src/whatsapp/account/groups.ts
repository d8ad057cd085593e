import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BaileysEventMap, GroupMetadata, WASocket } from '@whiskeysockets/baileys'
import { BoundedMap } from '../bounded-map.ts'
import { completion } from '../inbound/addresses.ts'
import { isMe } from '../inbound/parties.ts'
import { isGroup } from '../jid.ts'
import type { KeyStore } from '../key-store.ts'
import type { Log } from '../log.ts'
import type { SyncedGroup, SyncNews } from '../whatsapp.ts'
import { groupOf } from './changes.ts'

/** Changes of one group come in bursts: the burst is one question. */
const CALM_MS = 200
/** Answers that say: this account is not in it. */
const NOT_IN_IT = new Set([401, 403, 404, 406, 410])
const MAX_GROUPS = 500
/** Of one piece of news. */
const MAX_PEOPLE = 5000

export interface GroupParts {
  instanceId: string
  keys: KeyStore
  log: Log
  /** Digests of groups as they were told last: it outlives the connection. */
  told: BoundedMap<string>
  tell: (news: SyncNews) => Promise<void>
}

/**
 * The groups of one connection. All are asked for when it opens, one anew whenever something of it changes; told is
 * what differs from what was told last. Who is in a group is kept for sending, until a notification says otherwise.
 */
export class Groups {
  readonly #parts: GroupParts
  readonly #kept = new BoundedMap<GroupMetadata>({
    maxEntries: MAX_GROUPS,
    maxBytes: 512 * 1024,
    sizeOf: group => 256 + group.participants.length * 64,
  })
  readonly #stale = new Set<string>()
  #isAsking = false
  #closed = false

  constructor(parts: GroupParts) {
    this.#parts = parts
  }

  /** For sending: who is in it, when that is known for sure. */
  kept(jid: string): GroupMetadata | undefined {
    return this.#kept.get(jid)
  }

  /** Something of the group has changed, nobody knows yet what. */
  forget(jid: string): void {
    this.#kept.delete(jid)
  }

  close(): void {
    this.#closed = true
    this.#stale.clear()
    this.#kept.clear()
  }

  async askAll(socket: WASocket): Promise<void> {
    const all = Object.values(await socket.groupFetchAllParticipating())
    for (const group of all) this.#keep(group)
    await this.#tell(all.map(groupOf))
  }

  /** Whole groups are told as they are; of one that is only named, the rest is asked for. */
  changed(socket: WASocket, groups: Partial<GroupMetadata>[]): void {
    const whole = groups.filter((group): group is GroupMetadata => Array.isArray(group.participants) && !!group.id)
    for (const group of whole) this.#keep(group)
    if (whole.length > 0) this.#report(this.#tell(whole.map(groupOf)))
    for (const { id, participants } of groups) if (id && !participants) this.#ask(socket, id)
  }

  participantsChanged(socket: WASocket, change: BaileysEventMap['group-participants.update']): void {
    const { me } = this.#parts.keys.creds
    const who = { id: me?.id, lid: me?.lid }
    const meToo = change.participants.some(({ id, lid, phoneNumber }) =>
      [id, lid, phoneNumber].some(name => isMe(name, who)),
    )
    if (change.action === 'remove' && meToo) this.#left(change.id)
    else this.#ask(socket, change.id)
  }

  #keep(group: GroupMetadata): void {
    if (this.#closed) return
    const { id, subject, owner, addressingMode, ephemeralDuration } = group
    const participants = group.participants.map(({ id: member }) => ({ id: member }))
    const slim = { id, subject, owner, participants, ...(addressingMode ? { addressingMode } : {}) }
    this.#kept.set(id, ephemeralDuration ? { ...slim, ephemeralDuration } : slim)
  }

  #ask(socket: WASocket, jid: string): void {
    if (this.#closed || !isGroup(jid)) return
    this.#kept.delete(jid)
    this.#stale.add(jid)
    if (this.#isAsking) return
    this.#isAsking = true
    void this.#askStale(socket).finally(() => {
      this.#isAsking = false
    })
  }

  async #askStale(socket: WASocket): Promise<void> {
    while (this.#stale.size > 0) {
      await sleep(CALM_MS, undefined, { ref: false })
      const [jid] = this.#stale
      if (!jid || this.#closed) return
      this.#stale.delete(jid)
      try {
        const group = await socket.groupMetadata(jid)
        if (this.#stale.has(jid)) continue
        this.#keep(group)
        this.#report(this.#tell([groupOf(group)]))
      } catch (error) {
        const { data, output } = error as { data?: unknown; output?: { statusCode?: number } }
        const code = typeof data === 'number' ? data : output?.statusCode
        if (code !== undefined && NOT_IN_IT.has(code)) this.#left(jid)
        else this.#report(Promise.reject(error))
      }
    }
  }

  #left(jid: string): void {
    const subject = this.#kept.get(jid)?.subject ?? ''
    this.#kept.delete(jid)
    this.#stale.delete(jid)
    const nothing = { description: null, owner: null, announce: false, locked: false, createdAt: null }
    this.#report(this.#tell([{ jid, subject, ...nothing, participants: [], joined: false }]))
  }

  async #tell(groups: SyncedGroup[]): Promise<void> {
    const { keys, told, tell } = this.#parts
    const news = groups.map(group => ({ group, digest: digestOf(group) }))
    const fresh = news.filter(({ group, digest }) => told.get(group.jid) !== digest)
    for (const piece of piecesOf(fresh)) {
      if (this.#closed) return
      const people = piece.flatMap(({ group }) => [
        ...group.participants.map(({ address }) => address),
        ...(group.owner ? [group.owner] : []),
      ])
      const complete = await completion(people, keys)
      const whole = piece.map(({ group }) => ({
        ...group,
        owner: group.owner && complete(group.owner),
        participants: group.participants.map(({ address, role }) => ({ address: complete(address), role })),
      }))
      await tell({ inboxKey: null, chats: [], contacts: [], groups: whole })
      for (const { group, digest } of piece) told.set(group.jid, digest)
    }
  }

  #report(work: Promise<void>): void {
    const { instanceId, log } = this.#parts
    work.catch(error => {
      if (!this.#closed) log.warn({ instanceId, err: error }, 'a change of a group could not be told')
    })
  }
}

const digestOf = (group: SyncedGroup): string => createHash('sha1').update(JSON.stringify(group)).digest('base64')

function* piecesOf<T extends { group: SyncedGroup }>(groups: T[]): Generator<T[]> {
  let piece: T[] = []
  let people = 0
  for (const one of groups) {
    const more = one.group.participants.length
    if (piece.length > 0 && (piece.length === MAX_GROUPS || people + more > MAX_PEOPLE)) {
      yield piece
      piece = []
      people = 0
    }
    piece.push(one)
    people += more
  }
  if (piece.length > 0) yield piece
}
