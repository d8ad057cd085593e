import { ALL_WA_PATCH_NAMES, type BaileysEventMap, type BinaryNode, type WASocket } from '@whiskeysockets/baileys'
import { BoundedMap } from '../bounded-map.ts'
import { tellInPieces } from '../history/pieces.ts'
import type { SyncRow } from '../history/read.ts'
import { completeAddress } from '../inbound/addresses.ts'
import { addressOf, isGroup, plainJid } from '../jid.ts'
import type { KeyStore } from '../key-store.ts'
import type { Log } from '../log.ts'
import { leaveScope } from '../trust.ts'
import type { SeenNews, SyncNews } from '../whatsapp.ts'
import { chatOf, contactOf, seenChatOf } from './changes.ts'
import { Groups } from './groups.ts'

/** What was told last, by what it is about: Baileys says the same with every message. Outlives the connection. */
export interface Remembered {
  rows: BoundedMap<string>
  groups: BoundedMap<string>
}

export const nothingRemembered = (): Remembered => ({
  rows: new BoundedMap({ maxEntries: 2000 }),
  groups: new BoundedMap({ maxEntries: 2000 }),
})

export interface AccountParts {
  instanceId: string
  keys: KeyStore
  log: Log
  remembered: Remembered
  sync: (news: SyncNews) => Promise<void>
  seen: (news: SeenNews) => Promise<void>
}

/** How long after the first look at the phone's settings their events may still come. */
const LATE_MS = 5000

/** Events that wait for the house: more are dropped, and told when they come again. */
const MAX_WAITING = 1000

const subjectOf = (row: SyncRow): string => ('chat' in row ? `chat:${row.chat.chat.jid}` : row.contact.contact.jid)

/** What one connection learns of the account besides messages: names, settings of chats, groups. */
export class Account {
  readonly groups: Groups
  readonly #parts: AccountParts
  readonly #over = new AbortController()
  #settling: Promise<void> | null = null
  #firstLookUntilMs = 0
  /** Events are told in their order. */
  #line: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(parts: AccountParts) {
    this.#parts = parts
    this.groups = new Groups({ ...parts, told: parts.remembered.groups, tell: parts.sync })
  }

  attach(socket: WASocket): void {
    const { ev, ws } = socket
    const on = <T extends keyof BaileysEventMap>(event: T, listener: (news: BaileysEventMap[T]) => void) =>
      ev.on(event, news => leaveScope(() => listener(news)))
    ws.prependListener('CB:notification', ({ attrs }: BinaryNode) => {
      if (attrs.type === 'w:gp2' && attrs.from) this.groups.forget(attrs.from)
    })
    on('contacts.upsert', contacts => this.#rows(contacts.map(contactOf).map(row => row && { contact: row })))
    on('contacts.update', contacts => this.#rows(contacts.map(contactOf).map(row => row && { contact: row })))
    on('chats.upsert', chats => this.#rows(chats.map(chatOf).map(row => row && { chat: row })))
    on('chats.update', chats => {
      this.#rows(chats.map(chatOf).map(row => row && { chat: row }))
      for (const chat of chats) this.#seen(seenChatOf(chat))
    })
    on('lid-mapping.update', ({ lid, pn }) => {
      const [one, other] = [plainJid(lid), plainJid(pn)]
      if (one && other) this.#rows([{ contact: { contact: addressOf(other, one) } }])
    })
    on('groups.upsert', groups => this.groups.changed(socket, groups))
    on('groups.update', groups => this.groups.changed(socket, groups))
    on('group-participants.update', change => this.groups.participantsChanged(socket, change))
    on('creds.update', ({ myAppStateKeyId }) => {
      if (myAppStateKeyId) this.#firstLook(socket)
    })
  }

  opened(socket: WASocket): void {
    this.#firstLook(socket)
    this.groups.askAll(socket).catch(error => this.#failed(error, 'the groups could not be asked for'))
  }

  close(): void {
    this.#over.abort()
    this.groups.close()
  }

  /**
   * Archived, pinned, muted and names, as they stand on the phone: Baileys looks only when it processes history
   * itself. The counter tells the next connections that it was done.
   */
  #firstLook(socket: WASocket): void {
    const { creds } = this.#parts.keys
    if (this.#settling || creds.accountSyncCounter > 0 || !creds.myAppStateKeyId) return
    this.#firstLookUntilMs = Number.POSITIVE_INFINITY
    const look = async () => {
      await socket.resyncAppState(ALL_WA_PATCH_NAMES, false)
      creds.accountSyncCounter = 1
      await this.#parts.keys.saveCredentials()
    }
    this.#settling = look()
      .catch(error => this.#failed(error, 'the settings of chats could not be read'))
      .finally(() => {
        this.#settling = null
        this.#firstLookUntilMs = performance.now() + LATE_MS
      })
  }

  #rows(rows: (SyncRow | null)[]): void {
    const { keys, remembered, sync: tell } = this.#parts
    const fresh = rows
      .filter(row => row !== null)
      .filter(row => remembered.rows.get(subjectOf(row)) !== JSON.stringify(row))
    for (const row of fresh) remembered.rows.set(subjectOf(row), JSON.stringify(row))
    if (fresh.length === 0) return
    const forget = () => {
      for (const row of fresh) remembered.rows.delete(subjectOf(row))
    }
    this.#inLine(() => tellInPieces(fresh, null, { keys, tell, signal: this.#over.signal }), forget)
  }

  /** What the first look finds read was read at some time: it says nothing of what came since. */
  #seen(chat: ReturnType<typeof seenChatOf>): void {
    if (!chat || performance.now() < this.#firstLookUntilMs) return
    const { keys, seen } = this.#parts
    this.#inLine(async () =>
      seen({ chat: isGroup(chat.jid) ? chat : await completeAddress(chat, keys), whatsappIds: [] }),
    )
  }

  /** `untold` undoes what was noted of it as told. */
  #inLine(work: () => Promise<unknown>, untold = () => {}): void {
    const failed = (error: unknown) => {
      untold()
      this.#failed(error, 'a change of the account could not be told')
    }
    if (this.#waiting >= MAX_WAITING) {
      failed(new Error('too many wait to be told'))
      return
    }
    this.#waiting++
    this.#line = this.#line
      .then(work)
      .catch(failed)
      .finally(() => this.#waiting--)
  }

  #failed(error: unknown, sentence: string): void {
    const { instanceId, log } = this.#parts
    if (!this.#over.signal.aborted) log.warn({ instanceId, err: error }, sentence)
  }
}
