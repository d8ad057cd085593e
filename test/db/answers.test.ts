import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Database } from '../../src/db/open.ts'
import { type Accepting, acceptMessage, findWay } from '../../src/db/queries/accepts.ts'
import { type Moving, type ReadRow, readSent, takeAnswers } from '../../src/db/queries/answered.ts'
import type { ChatRow } from '../../src/db/queries/chats.ts'
import type { NewEvent } from '../../src/db/queries/event-rows.ts'
import { newId } from '../../src/ids.ts'
import { ENGINES, type Opened } from './engines.ts'

/** A message accepted, and answers to messages taken, by one statement each: all of it or nothing. */

const P = '5511999990001@s.whatsapp.net'
const now = new Date('2026-01-01T00:00:00.000Z')
const CYCLE = new Date('2026-01-01T00:00:00.000Z')

const event = (about: string, type = 'message.status'): NewEvent => {
  const data = JSON.stringify({ message_id: about, chat_id: P })
  return { id: newId('evt'), type, data, at: now, about, chat: P, passed: [], trace: null }
}

describe.each(ENGINES)('on %s', (_, open) => {
  let opened: Opened
  let db: Database
  let instanceId: string
  let chat: ChatRow
  let hooks: { status: string; both: string }
  beforeAll(async () => {
    opened = await open()
    db = opened.database
  }, 60_000)
  afterAll(() => opened?.end(), 30_000)
  beforeEach(async () => {
    const { sql } = db
    instanceId = newId('inst')
    await sql.query('truncate tenant cascade')
    await furnish({ tenant: 'ten', instance: instanceId, seq: 5, waiting: 2, used: 7 })
    hooks = { status: `${instanceId}-1`, both: `${instanceId}-2` }
    for (const [id, events] of [
      [hooks.status, ['message.status']],
      [hooks.both, ['message.status', 'message.read', 'message.created']],
    ] as const) {
      await sql.query(
        `insert into webhook (id, tenant_id, instance_id, url, events, secret) values ($1, 'ten', $2, 'https://example.com', $3, '')`,
        [id, instanceId, events],
      )
    }
    chat = (await findWay(sql, { tenantId: 'ten', instanceId, jid: P }))!.chat!
  })

  /** A tenant with an instance that has one chat. */
  async function furnish(of: { tenant: string; instance: string; seq: number; waiting: number; used: number }) {
    const { tenant, instance } = of
    const { sql } = db
    await sql.query(
      `insert into tenant (id, name, email, plan, created_at) values ($1, 'Acme', $1 || '@acme.com', 'free', $2)`,
      [tenant, CYCLE],
    )
    await sql.query('insert into instance (id, tenant_id, name, sandbox) values ($1, $2, $1, true)', [instance, tenant])
    await sql.query('insert into chat (id, tenant_id, instance_id, phone) values ($1, $2, $1, $3)', [
      instance,
      tenant,
      P,
    ])
    await sql.query(
      `insert into event_counter (instance_id, last_seq, waiting) values ($1, $2, $3)
       on conflict (instance_id) do update set last_seq = $2, waiting = $3`,
      [instance, of.seq, of.waiting],
    )
    await sql.query(
      `insert into usage (tenant_id, cycle_start, cycle_end, used) values ($1, $2, $2::timestamptz + interval '1 month', $3)`,
      [tenant, CYCLE, of.used],
    )
  }

  const rows = (text: string) => db.sql.query<Record<string, never>>(text, [instanceId])
  const counts = async () =>
    (await rows('select last_seq::int as seq, waiting from event_counter where instance_id = $1'))[0]

  const accepting = (given: Partial<Accepting> = {}): Accepting => {
    const id = newId('msg')
    return {
      message: {
        ...{ id, instanceId, whatsappId: id, chat: chat.id, sender: '', direction: 'outbound', type: 'text' },
        ...{ status: 'pending', content: { text: 'hello' }, timestamp: now, createdAt: now, expiresAt: now },
      },
      chat,
      event: event(id, 'message.created'),
      max: 1000,
      terms: { plan: 'free', anchor: CYCLE },
      cycleStart: CYCLE,
      included: null,
      ...given,
    }
  }
  const accept = (given: Partial<Accepting> = {}) => acceptMessage(db.sql, accepting(given))

  describe('what is accepted', () => {
    it('is stored with its event, its deliveries, its place in the quota and among those that wait', async () => {
      expect(await accept({ included: 8 })).toMatchObject({ seq: '6', webhooks: [hooks.both], used: 8 })
      expect(await counts()).toEqual({ seq: 6, waiting: 3 })
      const [message] = await rows('select status, counted_in, content from message where instance_id = $1')
      expect(message).toEqual({ status: 'pending', counted_in: CYCLE, content: { text: 'hello' } })
      const told = await rows('select seq::int, webhook_id as hook, chat from webhook_delivery where instance_id = $1')
      expect(told).toEqual([{ seq: 6, hook: hooks.both, chat: P }])
      expect(await rows('select last_message_at as at from chat where instance_id = $1')).toEqual([{ at: now }])
    })

    it('leaves no trace when the chat, the plan or the cycle is another one, or there is no room', async () => {
      expect(await accept({ chat: { ...chat, lid: '1@lid' } })).toBeNull()
      expect(await accept({ terms: { plan: 'growth', anchor: CYCLE } })).toBeNull()
      expect(await accept({ cycleStart: new Date(1) })).toBeNull()
      expect(await accept({ max: 2 })).toBeNull()
      expect(await accept({ included: 7 })).toBeNull()
      expect(await counts()).toEqual({ seq: 5, waiting: 2 })
      for (const table of ['message', 'event', 'webhook_delivery'])
        expect(await rows(`select 1 as one from ${table} where instance_id = $1`), table).toEqual([])
      expect(await db.sql.query('select used from usage')).toEqual([{ used: 7 }])
    })

    it('is never more than the quota has, nor than may wait, however many come at once', async () => {
      const all = await Promise.all(Array.from({ length: 30 }, () => accept({ included: 17, max: 1000 })))
      expect(all.filter(each => each !== null)).toHaveLength(10)
      const more = await Promise.all(Array.from({ length: 30 }, () => accept({ max: 17 })))
      expect(more.filter(each => each !== null)).toHaveLength(5)
      expect(await counts()).toEqual({ seq: 20, waiting: 17 })
      const seqs = await rows('select seq::int from event where instance_id = $1 order by seq')
      expect(seqs.map(({ seq }) => seq)).toEqual(Array.from({ length: 15 }, (_, n) => n + 6))
    })
  })

  describe('answers', () => {
    let sent: ReadRow[]
    beforeEach(async () => {
      sent = await acceptedOf(instanceId, chat)
    })

    const acceptedOf = async (of: string, to: ChatRow): Promise<ReadRow[]> => {
      const all = [accepting(), accepting(), accepting()]
      for (const { message, ...each } of all)
        await acceptMessage(db.sql, { ...each, chat: to, message: { ...message, instanceId: of, chat: to.id } })
      return readSent(
        db.sql,
        all.map(({ message }) => ({ instanceId: of, whatsappId: message.whatsappId })),
      )
    }
    const moving = (taken: ReadRow[], events: NewEvent[]): Moving => ({
      instanceId: taken[0]!.instanceId,
      moves: taken.map(({ id, version, chatId }) => ({ id, version, chatId, status: 'read', steps: '' })),
      settled: taken.length,
      events,
    })
    const take = async (taken: ReadRow[], events: NewEvent[]) =>
      (await takeAnswers(db.sql, [moving(taken, events)], null)).get(instanceId) ?? null
    const statuses = async (of = instanceId) =>
      (
        await db.sql.query<{ status: string }>('select status from message where instance_id = $1 order by id', [of])
      ).map(({ status }) => status)

    it('move messages and write the events of it, numbered on, each with its deliveries', async () => {
      const [a, b] = sent as [ReadRow, ReadRow]
      const written = await take([a, b], [event(a.id), event(b.id), event(b.id, 'message.read')])
      expect(written).toMatchObject([
        { seq: '9', webhooks: [hooks.status, hooks.both] },
        { seq: '10', webhooks: [hooks.status, hooks.both] },
        { seq: '11', webhooks: [hooks.both] },
      ])
      expect(await statuses()).toEqual(['read', 'read', 'pending'])
      expect(await counts()).toEqual({ seq: 11, waiting: 3 })
      const told = await rows(
        `select seq::int from webhook_delivery where instance_id = $1 and seq > 8 order by next_attempt_at, id`,
      )
      expect(told.map(({ seq }) => seq)).toEqual([9, 9, 10, 10, 11])
    })

    it('leave no trace when one of the messages, or the name of its chat, is not as it was read', async () => {
      const [a, b] = sent as [ReadRow, ReadRow]
      const before = await counts()
      await db.sql.query('update message set attempts = 1 where instance_id = $1 and id = $2', [instanceId, b.id])
      expect(await take([a, b], [event(a.id), event(b.id)])).toBeNull()
      await db.sql.query('update chat set phone = $2 where instance_id = $1', [instanceId, P.replace('1@', '2@')])
      expect(await take([a], [event(a.id)])).toBeNull()
      expect(await statuses()).toEqual(['pending', 'pending', 'pending'])
      expect(await counts()).toEqual(before)
    })

    it('are taken once when two come at once, also those that overlap', async () => {
      const [a, b, c] = sent as [ReadRow, ReadRow, ReadRow]
      const all = await Promise.all([
        take([c, b], [event(b.id)]),
        take([a, b], [event(b.id)]),
        take([b], [event(b.id)]),
      ])
      expect(all.filter(each => each !== null)).toHaveLength(1)
      expect((await counts())?.seq).toBe(9)
    })

    describe('of several instances', () => {
      let other: string
      let theirs: ReadRow[]
      /** Another tenant's, whose events have come further. */
      beforeEach(async () => {
        other = newId('inst')
        await furnish({ tenant: 'ten2', instance: other, seq: 100, waiting: 0, used: 0 })
        const way = await findWay(db.sql, { tenantId: 'ten2', instanceId: other, jid: P })
        theirs = await acceptedOf(other, way!.chat!)
      })

      const told = () =>
        db.sql.query(
          `select tenant_id as tenant, instance_id as instance, about, type, seq::int from event where type <> 'message.created'
           order by instance_id, seq`,
        )
      const of = (instance: string, tenant: string) => (row: ReadRow, type: string, seq: number) => {
        return { tenant, instance, about: row.id, type, seq }
      }

      it('are written by one statement, each with the events, the count and the tenant of its own', async () => {
        const [[a, b], [x, y]] = [sent, theirs] as [[ReadRow, ReadRow], [ReadRow, ReadRow]]
        const written = await takeAnswers(
          db.sql,
          [
            moving([y, x], [event(y.id), event(x.id), event(y.id, 'message.read')]),
            { ...moving([a, b], [event(b.id), event(b.id, 'message.read'), event(a.id)]), settled: 1 },
          ],
          null,
        )
        expect(written.get(other)?.map(({ seq, webhooks }) => [seq, webhooks])).toEqual([
          ['104', []],
          ['105', []],
          ['106', []],
        ])
        expect(written.get(instanceId)?.map(({ seq, webhooks }) => [seq, webhooks])).toEqual([
          ['9', [hooks.status, hooks.both]],
          ['10', [hooks.both]],
          ['11', [hooks.status, hooks.both]],
        ])
        const [own, foreign] = [of(instanceId, 'ten'), of(other, 'ten2')]
        expect(await told()).toEqual([
          own(b, 'message.status', 9),
          own(b, 'message.read', 10),
          own(a, 'message.status', 11),
          foreign(y, 'message.status', 104),
          foreign(x, 'message.status', 105),
          foreign(y, 'message.read', 106),
        ])
        expect(await statuses()).toEqual(['read', 'read', 'pending'])
        expect(await statuses(other)).toEqual(['read', 'read', 'pending'])
        expect(
          await db.sql.query('select last_seq::int as seq, waiting from event_counter order by instance_id'),
        ).toEqual([
          { seq: 11, waiting: 4 },
          { seq: 106, waiting: 1 },
        ])
      })

      it('are written but for those of an instance of which one was changed meanwhile, or that is gone', async () => {
        const [[a, b], [x, y]] = [sent, theirs] as [[ReadRow, ReadRow], [ReadRow, ReadRow]]
        await db.sql.query('update message set attempts = 1 where instance_id = $1 and id = $2', [instanceId, b.id])
        const both = (row: ReadRow) => [moving([a, b], [event(a.id), event(b.id)]), moving([row], [event(row.id)])]
        expect([...(await takeAnswers(db.sql, both(x), null)).keys()]).toEqual([other])
        expect(await statuses()).toEqual(['pending', 'pending', 'pending'])
        expect(await counts()).toEqual({ seq: 8, waiting: 5 })
        await db.sql.query('delete from instance where id = $1', [instanceId])
        expect([...(await takeAnswers(db.sql, both(y), null)).keys()]).toEqual([other])
        expect(await told()).toEqual([
          of(other, 'ten2')(x, 'message.status', 104),
          of(other, 'ten2')(y, 'message.status', 105),
        ])
      })

      it('are numbered without a gap when many such statements come at once, in whatever order they name them', async () => {
        const many = sent.map((row, i) => {
          const parts = [moving([row], [event(row.id)]), moving([theirs[i]!], [event(theirs[i]!.id)])]
          return takeAnswers(db.sql, i % 2 === 0 ? parts : parts.reverse(), null)
        })
        for (const written of await Promise.all(many)) expect(written.size).toBe(2)
        const seqs = (await told()).map(({ seq }: { seq?: number }) => seq)
        expect(seqs).toEqual([9, 10, 11, 104, 105, 106])
      })
    })
  })
})
