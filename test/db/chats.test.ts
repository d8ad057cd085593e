import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { type ChatNames, chatIdOf, chatOf, findChat, namesOf } from '../../src/db/queries/chats.ts'
import { lockMessage, lockSent, type MessageRow } from '../../src/db/queries/messages.ts'
import type { Sql } from '../../src/db/sql.ts'
import { record } from '../../src/events/record.ts'
import { newId } from '../../src/ids.ts'
import { testDatabase } from '../support/database.ts'
import { folder, removeFolder, silent } from './processes.ts'

const P = '5511999990001@s.whatsapp.net'
const L = '100000000000001@lid'
const GROUP = '120363000000000001@g.us'
const now = new Date('2026-01-01T00:00:00.000Z')
const names = (phone: string | null, lid: string | null): ChatNames => ({ groupJid: null, phone, lid })

interface Opened {
  database: Database
  end(): Promise<void>
}

async function openPostgres(): Promise<Opened> {
  const own = await testDatabase()
  const database = await openDatabase({ databaseUrl: own.url, dataDir: '', log: silent })
  return { database, end: () => database.close().then(own.drop) }
}

async function openPGlite(): Promise<Opened> {
  const dataDir = await folder()
  await writeFile(join(dataDir, 'engine'), 'pglite\n')
  const database = await openDatabase({ dataDir, log: silent })
  return { database, end: () => database.close().then(() => removeFolder(dataDir)) }
}

let opened: Opened
let db: Database
let instanceId: string

async function begin(open: () => Promise<Opened>): Promise<void> {
  opened = await open()
  db = opened.database
  await db.sql.query(`insert into tenant (id, name, email) values ('ten', 'Acme', 'dev@acme.com')`)
}
beforeEach(async () => {
  instanceId = newId('inst')
  await db.sql.query('insert into instance (id, tenant_id, name, sandbox) values ($1, $2, $1, true)', [
    instanceId,
    'ten',
  ])
})

const chat = (of: ChatNames, sql: Sql = db.sql) => chatOf(sql, { instanceId, names: of, now })
const chats = () => db.sql.query<{ id: string }>('select * from chat where instance_id = $1 order by id', [instanceId])

interface Given {
  whatsappId: string
  direction?: 'inbound' | 'outbound'
  payload?: Buffer
  actionOf?: string
}

async function message(sql: Sql, chatId: string, given: Given): Promise<string> {
  const id = newId('msg')
  await sql.query(
    `insert into message (id, tenant_id, instance_id, chat, whatsapp_id, sender, direction, type, status, content, timestamp, payload, action_of)
     values ($1, 'ten', $2, $3, $4, 'x', $5, 'text', 'sent', '{}', $6, $7, $8)`,
    [
      id,
      instanceId,
      chatId,
      given.whatsappId,
      given.direction ?? 'inbound',
      now,
      given.payload ?? null,
      given.actionOf ?? null,
    ],
  )
  return id
}
const messages = () =>
  db.sql.query<{ id: string; chat: string; action_of: string | null }>(
    'select id, chat, action_of from message where instance_id = $1 order by id',
    [instanceId],
  )

describe.each([
  ['PostgreSQL', openPostgres],
  ['PGlite', openPGlite],
])('on %s', (_name, open) => {
  beforeAll(() => begin(open), 120_000)
  afterAll(() => opened.end())

  describe('a chat', () => {
    it('is found by any of its names, and made by the first', async () => {
      const made = (await chat(names(P, null)))!
      expect(await chat(names(P, null))).toEqual(made)
      expect(await chat(names(P, L))).toEqual({ ...made, lid: L })
      expect(await chat(names(null, L))).toEqual({ ...made, lid: L })
      expect(await findChat(db.sql, instanceId, L)).toEqual({ ...made, lid: L })
      const group = (await chat(namesOf({ jid: GROUP, lid: null, phone: null })))!
      expect(chatIdOf(group)).toBe(GROUP)
      expect(await findChat(db.sql, instanceId, GROUP)).toEqual(group)
      expect(await findChat(db.sql, newId('inst'), GROUP)).toBeNull()
      expect(await chats()).toHaveLength(2)
    })

    it('is none of an instance that is gone', async () => {
      expect(await chatOf(db.sql, { instanceId: newId('inst'), names: names(P, L), now })).toBeNull()
    })

    it('is one once both names are known to be one person: nothing is lost, and nothing twice', async () => {
      const older = (await chat(names(P, null)))!
      const younger = (await chat(names(null, L)))!
      const kept = await message(db.sql, older.id, { whatsappId: 'A' })
      const double = await message(db.sql, younger.id, { whatsappId: 'A' })
      const action = await message(db.sql, younger.id, { whatsappId: 'R', direction: 'outbound', actionOf: double })
      const echo = await message(db.sql, older.id, { whatsappId: 'B', direction: 'outbound' })
      const accepted = await message(db.sql, younger.id, {
        whatsappId: 'B',
        direction: 'outbound',
        payload: Buffer.from('x'),
      })
      const only = await message(db.sql, younger.id, { whatsappId: 'C' })
      await db.sql.query(
        `insert into receipt (message_id, instance_id, reader, status, at) values ($1, $2, 'r', 'read', $3)`,
        [double, instanceId, now],
      )
      await db.sql.query('update chat set unread_count = 2, name = $2 where id = $1', [younger.id, 'Ann'])
      await db.sql.query('update chat set unread_count = 1 where id = $1', [older.id])
      const merged = await db.transaction(sql => chat(names(P, L), sql))
      expect(merged).toEqual({ id: older.id, groupJid: null, phone: P, lid: L })
      expect(await messages()).toEqual([
        { id: kept, chat: older.id, action_of: null },
        { id: action, chat: older.id, action_of: kept },
        { id: accepted, chat: older.id, action_of: null },
        { id: only, chat: older.id, action_of: null },
      ])
      expect(echo).not.toBe(accepted)
      expect(await chats()).toMatchObject([{ id: older.id, unread_count: 3, name: 'Ann' }])
      expect(await db.sql.query('select message_id from receipt')).toEqual([{ message_id: kept }])
    })
  })

  describe('the count of events', () => {
    const fact = () => ({
      type: 'connection.update' as const,
      tenantId: 'ten',
      instanceId,
      about: instanceId,
      data: { state: 'connected', last_error: null, updated_at: now.toISOString() },
      subject: null,
    })

    it('begins with 1 and rises by one in the order of the commits', async () => {
      const seen: number[] = []
      await Promise.all(
        Array.from({ length: 40 }, async () => {
          const { seq } = await db.transaction(sql => record(sql, systemClock, fact()))
          seen.push(seq)
        }),
      )
      expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1))
      const rows = await db.sql.query('select seq::int, about from event where instance_id = $1 order by seq', [
        instanceId,
      ])
      expect(rows[39]).toEqual({ seq: 40, about: instanceId })
    })

    it('has no hole for a transaction that fails', async () => {
      const failing = db.transaction(async sql => {
        await record(sql, systemClock, fact())
        throw new Error('no')
      })
      await expect(failing).rejects.toThrow('no')
      expect((await record(db.sql, systemClock, fact())).seq).toBe(1)
    })
  })
})

describe('under concurrency', () => {
  beforeAll(() => begin(openPostgres))
  afterAll(() => opened.end())

  it('two transactions that make the same chat make one', async () => {
    const made = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        db.transaction(async sql => {
          const found = (await chat([names(P, null), names(null, L), names(P, L)][i % 3]!, sql))!
          await message(sql, found.id, { whatsappId: `m${i}` })
          return found.id
        }),
      ),
    )
    expect(made).toHaveLength(10)
    await chat(names(P, L))
    const [one, ...others] = await chats()
    expect(others).toEqual([])
    expect((await messages()).map(row => row.chat)).toEqual(Array(10).fill(one!.id))
  })

  it('a chat that a transaction writes into is not merged away under it', async () => {
    const older = (await chat(names(P, null)))!
    await chat(names(null, L))
    let merging: Promise<unknown> = Promise.resolve()
    await db.transaction(async sql => {
      const held = (await chat(names(null, L), sql))!
      merging = db.transaction(inner => chat(names(P, L), inner))
      await new Promise(resolve => setTimeout(resolve, 100))
      await message(sql, held.id, { whatsappId: 'late' })
    })
    await merging
    expect(await messages()).toMatchObject([{ chat: older.id }])
    expect(await chats()).toHaveLength(1)
  })

  it('who asks for a chat while it is merged away gets the other', async () => {
    const older = (await chat(names(P, null)))!
    await chat(names(null, L))
    let asking: ReturnType<typeof chat> = Promise.resolve(null)
    await db.transaction(async sql => {
      await chat(names(P, L), sql)
      asking = db.transaction(async inner => {
        const found = await chat(names(null, L), inner)
        await message(inner, found!.id, { whatsappId: 'late' })
        return found
      })
      await new Promise(resolve => setTimeout(resolve, 100))
    })
    expect((await asking)!.id).toBe(older.id)
    expect(await messages()).toMatchObject([{ chat: older.id }])
  })

  it('an ack that comes while the chat of its message is merged away finds the message', async () => {
    const older = (await chat(names(P, null)))!
    const younger = (await chat(names(null, L)))!
    const sent = await message(db.sql, younger.id, { whatsappId: 'A', direction: 'outbound' })
    let acks: Promise<MessageRow[][]> = Promise.resolve([])
    await db.transaction(async sql => {
      await chat(names(P, L), sql)
      const lock = (find: (inner: Sql) => Promise<MessageRow[]>) => db.transaction(find)
      acks = Promise.all([
        lock(inner => lockSent(inner, instanceId, ['A'])),
        lock(async inner => [(await lockMessage(inner, instanceId, sent))!]),
      ])
      await new Promise(resolve => setTimeout(resolve, 100))
    })
    const found = { id: sent, chat: older.id, chatId: P }
    expect(await acks).toEqual([[expect.objectContaining(found)], [expect.objectContaining(found)]])
  })

  it('500 mixes of names of 20 people end as 20 chats with every message once', async () => {
    const failed: unknown[] = []
    const work = Array.from({ length: 500 }, (_, i) => i)
    const run = async () => {
      for (let i = work.pop(); i !== undefined; i = work.pop()) {
        const person = 10 + (i % 20)
        const both = names(`55119999900${person}@s.whatsapp.net`, `1000000000000${person}@lid`)
        const mix = [{ ...both, lid: null }, { ...both, phone: null }, both][(i * 7) % 3]!
        for (let tries = 0; ; tries++) {
          const done = await db
            .transaction(async sql => message(sql, (await chat(mix, sql))!.id, { whatsappId: `m${i}` }))
            .catch(error => (tries < 5 ? failed.push(error) && null : Promise.reject(error)))
          if (done) break
        }
      }
    }
    await Promise.all(Array.from({ length: 8 }, run))
    for (let person = 10; person < 30; person++) {
      await chat(names(`55119999900${person}@s.whatsapp.net`, `1000000000000${person}@lid`))
    }
    expect(failed).toEqual([])
    expect(await chats()).toHaveLength(20)
    expect(await messages()).toHaveLength(500)
  })

  it('a merge that does not commit leaves both chats as they were', async () => {
    const [older, younger] = [(await chat(names(P, null)))!, (await chat(names(null, L)))!]
    await message(db.sql, older.id, { whatsappId: 'A' })
    await message(db.sql, younger.id, { whatsappId: 'A' })
    const failing = db.transaction(async sql => {
      await chat(names(P, L), sql)
      throw new Error('crash')
    })
    await expect(failing).rejects.toThrow('crash')
    expect((await messages()).map(row => row.chat)).toEqual([older.id, younger.id])
    expect(await chats()).toHaveLength(2)
  })

  it('who gives way in a deadlock with a merge is told to try again, and nothing is lost', async () => {
    const older = (await chat(names(P, null)))!
    const younger = (await chat(names(null, L)))!
    const held = await message(db.sql, younger.id, { whatsappId: 'A' })
    let merging: Promise<unknown> = Promise.resolve()
    const acting = db.transaction(async sql => {
      await sql.query('select 1 from message where id = $1 for update', [held])
      merging = db.transaction(inner => chat(names(P, L), inner)).catch(error => error)
      await new Promise(resolve => setTimeout(resolve, 100))
      await message(sql, younger.id, { whatsappId: 'R', direction: 'outbound', actionOf: held })
    })
    const outcomes = [await acting.catch(error => error), await merging]
    expect(outcomes.filter(outcome => outcome instanceof Error)).toMatchObject([{ code: 'unavailable' }])
    await db.transaction(sql => chat(names(P, L), sql))
    expect((await messages()).filter(row => row.id === held)).toMatchObject([{ chat: older.id }])
  })
})
