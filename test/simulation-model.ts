/**
 * What has to be true of one instance after whatever a day brought: written down by who sent and said it, and compared
 * with what the API tells and what the contacts' phones show.
 */
import type { ShownMessage } from '../src/sandbox/sandbox.ts'
import { booksIn } from './chaos/books.ts'
import { type Caller, type Json, type TestApp, until } from './support/app.ts'

/** One message, by what it said first: no other ever says the same. */
export interface Word {
  first: string
  /** What it says by now. */
  now: string
  deleted: boolean
  /** The emoji of the other side; empty: none. */
  reaction: string
}

/** Sent by the instance. */
export interface Sent extends Word {
  /** Null: there was no answer, and it may have been accepted or not. */
  id: string | null
  /** WhatsApp refuses what goes to this contact. */
  refused: boolean
}

/** Said by a contact, or by the account's own phone. */
export interface Said extends Word {
  whatsappId: string
  fromPhone: boolean
}

export interface Talk {
  contact: string
  refuses: boolean
  sent: Sent[]
  said: Said[]
}

const RANK: Record<string, number> = { pending: 0, sent: 1, delivered: 2, read: 3, failed: 4 }
const SETTLED_MS = 60_000

export class Model {
  readonly talks: Talk[]
  readonly #wataki: TestApp
  readonly #caller: Caller
  readonly #instanceId: string
  readonly #path: string
  /** The furthest that was seen of each message. */
  readonly #statuses = new Map<string, string>()

  constructor(parts: { wataki: TestApp; caller: Caller; instanceId: string; talks: Talk[] }) {
    this.talks = parts.talks
    this.#wataki = parts.wataki
    this.#caller = parts.caller
    this.#instanceId = parts.instanceId
    this.#path = `/v1/instances/${parts.instanceId}`
  }

  figures(): string {
    const sent = this.talks.flatMap(talk => talk.sent)
    const words = [...sent, ...this.talks.flatMap(talk => talk.said)]
    const count = (is: (word: Word) => boolean) => words.filter(is).length
    const unsure = sent.filter(each => each.id === null).length
    const changed = `${count(word => word.now !== word.first)} edited, ${count(word => word.deleted)} deleted`
    return `${sent.length} sent (${unsure} without an answer), ${words.length - sent.length} said, ${changed}`
  }

  /** What is wrong although something may be under way. */
  async broken(): Promise<string[]> {
    const { sql } = this.#wataki.app.db
    const books = await booksIn(sql)
    const wrong = [...books.halves, ...books.rollups, ...books.gaps.map(id => `the events of ${id} have a gap`)]
    if (books.used !== books.counted) wrong.push(`${books.used} are used, ${books.counted} counted`)
    wrong.push(...(await this.#statusesBack()), ...(await this.#toldBack()), ...(await this.#chatsTwice()))
    for (const talk of this.talks) {
      const texts = (await this.shown(talk)).filter(each => !each.deleted).map(saysOf)
      for (const text of new Set(texts)) {
        if (texts.filter(each => each === text).length > 1) wrong.push(`${text} is shown twice`)
      }
    }
    return wrong
  }

  async #statusesBack(): Promise<string[]> {
    const rows = await this.#wataki.app.db.sql.query<{ id: string; status: string }>(
      `select id, status from message where direction = 'outbound' and action_of is null`,
    )
    const back: string[] = []
    for (const { id, status } of rows) {
      const before = this.#statuses.get(id) ?? 'pending'
      const isLegal = before === 'failed' ? status === 'failed' : RANK[status]! >= RANK[before]!
      if (!isLegal || (status === 'failed' && RANK[before]! > 0 && before !== 'failed')) {
        back.push(`${id} was ${before} and is ${status}`)
      }
      this.#statuses.set(id, status)
    }
    const there = new Set(rows.map(row => row.id))
    return [...back, ...[...this.#statuses.keys()].filter(id => !there.has(id)).map(id => `${id} is gone`)]
  }

  /** Each status by its events: what lasted a moment only is there too. */
  async #toldBack(): Promise<string[]> {
    const told = await this.#wataki.app.db.sql.query<{ id: string; statuses: string[] }>(
      `select about as id, array_agg(data->>'status' order by seq) as statuses from event
       where type = 'message.status' group by about`,
    )
    const rises = (statuses: string[]) => statuses.every((each, i) => i === 0 || RANK[each]! > RANK[statuses[i - 1]!]!)
    const failedLate = (statuses: string[]) => statuses.length > 1 && statuses.includes('failed')
    return told
      .filter(({ statuses }) => !rises(statuses) || failedLate(statuses))
      .map(({ id, statuses }) => `${id} was ${statuses.join(', then ')}`)
  }

  async #chatsTwice(): Promise<string[]> {
    const people = await this.#wataki.app.db.sql.query<{ phone: string | null; lid: string | null }>(
      'select phone, lid from chat where instance_id = $1 and group_jid is null',
      [this.#instanceId],
    )
    const known = new Set(this.talks.map(talk => `${talk.contact}@s.whatsapp.net`))
    return people
      .filter(({ phone }) => phone === null || !known.has(phone))
      .map(chat => `${JSON.stringify(chat)} is a chat`)
  }

  shown({ contact }: Talk): Promise<ShownMessage[]> {
    return this.#wataki.app.sandbox!.messages(this.#instanceId, { contact })
  }

  /** All of the chat by the API, oldest first. */
  async told({ contact }: Talk): Promise<Json[]> {
    const found: Json[] = []
    for (let cursor = ''; ; ) {
      const { body } = await this.#caller.get(`${this.#path}/messages?chat_id=${contact}&limit=200${cursor}`)
      found.push(...body.data)
      if (body.page.next_cursor === null) return found.reverse()
      cursor = `&cursor=${encodeURIComponent(body.page.next_cursor)}`
    }
  }

  /** Once nothing is under way any more; what is still wrong then. */
  async settled(): Promise<string[]> {
    const wrong = async () => (await Promise.all(this.talks.map(talk => this.#unlike(talk)))).flat()
    await until(wrong, all => all.length === 0, SETTLED_MS).catch(() => {})
    return [...(await wrong()), ...(await this.broken())]
  }

  async #unlike(talk: Talk): Promise<string[]> {
    const [told, shown] = await Promise.all([this.told(talk), this.shown(talk)])
    return [...sentUnlike(talk, told, shown), ...saidUnlike(talk, told), ...stray(talk, told)]
  }
}

/** What a message says, of whatever kind: text, caption, the name of a place or of a card. */
export function saysOf({ content }: { content: Json }): string {
  return content.text ?? content.caption ?? content.name ?? content.contacts?.[0]?.name ?? ''
}

/** What was sent, against its row and against the phone of the contact. */
function sentUnlike(talk: Talk, told: Json[], shown: ShownMessage[]): string[] {
  const wrong: string[] = []
  for (const sent of talk.sent) {
    const row = told.find(each => (sent.id ? each.id === sent.id : saysOf(each) === sent.now))
    if (!row && sent.id === null) continue
    if (!row) {
      wrong.push(`${sent.first} was accepted and is gone`)
      continue
    }
    if (row.status === 'pending') wrong.push(`${sent.first} is still pending`)
    if (sent.refused !== (row.status === 'failed')) wrong.push(`${sent.first} is ${row.status}`)
    if (saysOf(row) !== sent.now) wrong.push(`${sent.first} is told as ${saysOf(row)}, and is ${sent.now}`)
    if ((row.deleted_at !== null) !== sent.deleted) wrong.push(`${sent.first} is deleted: ${row.deleted_at}`)
    const emojis = row.reactions.map((each: Json) => each.emoji).join()
    if (emojis !== sent.reaction) wrong.push(`${sent.first} has the reactions ${emojis}, not ${sent.reaction}`)
    if (sent.refused || sent.deleted) continue
    const count = shown.filter(each => !each.fromMe && !each.deleted && saysOf(each) === sent.now).length
    if (count !== 1) wrong.push(`${sent.now} is shown ${count} times`)
  }
  const deleted = shown.filter(each => !each.fromMe && each.deleted).length
  const wanted = talk.sent.filter(sent => sent.deleted).length
  if (deleted !== wanted) wrong.push(`${talk.contact} shows ${deleted} deleted, not ${wanted}`)
  return wrong
}

/** What was said, against its row. */
function saidUnlike(talk: Talk, told: Json[]): string[] {
  return talk.said.flatMap(said => {
    const rows = told.filter(each => saysOf(each) === said.now && (each.direction === 'outbound') === said.fromPhone)
    if (rows.length !== 1) return [`${said.first}, now ${said.now}, is stored ${rows.length} times`]
    const [row] = rows
    const emojis = row.reactions.map((each: Json) => each.emoji).join()
    return [
      ...((row.deleted_at !== null) !== said.deleted ? [`${said.first} is deleted: ${row.deleted_at}`] : []),
      ...(emojis !== said.reaction ? [`${said.first} has the reactions ${emojis}, not ${said.reaction}`] : []),
    ]
  })
}

/** Rows that nobody wrote. */
function stray(talk: Talk, told: Json[]): string[] {
  const known = new Set([...talk.sent, ...talk.said].map(word => word.now))
  return told.filter(row => !known.has(saysOf(row))).map(row => `nobody wrote ${row.type} ${saysOf(row)}`)
}
