import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { recordState } from '../../src/db/queries/instances.ts'
import { claimFree, releaseLease, settleFree, takeLease } from '../../src/db/queries/leases.ts'
import { lockMessage, type MessageRow } from '../../src/db/queries/messages.ts'
import { buryNode, insertNode, removeAllNodes, removeNode } from '../../src/db/queries/nodes.ts'
import {
  instanceFigures,
  type MessageFigures,
  messageFigures,
  recentErrors,
  rollUpMessages,
  tidyRecentErrors,
} from '../../src/db/queries/rollups.ts'
import { failInactive, recordTries, type TriedDelivery } from '../../src/db/queries/webhook-outbox.ts'
import { deliveryFigures } from '../../src/db/queries/webhook-rollups.ts'
import type { Sql } from '../../src/db/sql.ts'
import { record } from '../../src/events/record.ts'
import { newId } from '../../src/ids.ts'
import { changeStatus } from '../../src/resolvers/messages/change-status.ts'
import { rollUpMessagesDue } from '../../src/resolvers/observability/rollUpMessagesDue.ts'
import { tidyRollupsDue } from '../../src/resolvers/observability/tidyRollupsDue.ts'
import { rollupsAmiss } from '../chaos/books.ts'
import { type Json, until } from '../support/app.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { silent } from './processes.ts'

/** What is counted by the hour, against the rows that it is counted from. */

let own: TestDatabase
/** As of three nodes. */
let nodes: Database[]
let tenantId: string
let instanceId: string

beforeAll(async () => {
  own = await testDatabase()
  nodes = []
  for (let i = 0; i < 3; i++) nodes.push(await openDatabase({ databaseUrl: own.url, dataDir: '', log: silent }))
}, 120_000)
afterAll(async () => {
  for (const node of nodes) await node.close()
  await own.drop()
})
beforeEach(async () => {
  tenantId = newId('ten')
  await sql().query(`insert into tenant (id, name, email) values ($1, 'Acme', $1 || '@acme.com')`, [tenantId])
  instanceId = await newInstance()
})

afterEach(() => sql().query('delete from tenant where id = $1', [tenantId]))

const sql = (): Sql => nodes[0]!.sql
const rows = (text: string, params: unknown[] = []): Promise<Json[]> => sql().query(text, params)

async function newInstance(): Promise<string> {
  const id = newId('inst')
  await rows(`insert into instance (id, tenant_id, name, sandbox) values ($1, $2, $1, true)`, [id, tenantId])
  await rows(`insert into chat (id, tenant_id, instance_id, phone) values ($1, $2, $1, $1)`, [id, tenantId])
  return id
}

/** The edge of an hour, with others an hour before and after it. */
const EDGE_MS = Date.UTC(2026, 2, 29, 1)
const HOUR_MS = 3_600_000
const SPAN = { start: new Date(EDGE_MS - 2 * HOUR_MS), end: new Date(EDGE_MS + 2 * HOUR_MS), bucketSeconds: 3_600 }
const appAt = (at: Date) => ({
  clock: { now: () => at, nowMs: () => at.getTime() },
  config: {} as never,
  node: { id: newId('node') } as never,
})
const NO_FIGURES: MessageFigures = { sent: 0, delivered: 0, read: 0, failed: 0, received: 0 }

async function newMessage(direction: 'inbound' | 'outbound', at: Date, instance = instanceId): Promise<string> {
  const id = newId('msg')
  const status = direction === 'inbound' ? 'delivered' : 'pending'
  await nodes[0]!.transaction(async sql => {
    await sql.query(
      `insert into message (id, tenant_id, instance_id, whatsapp_id, chat, sender, direction, type, status, content, timestamp)
       values ($1, $2, $3, $1, $3, 'x', $4, 'text', $5, '{}', now())`,
      [id, tenantId, instance, direction, status],
    )
    if (direction === 'outbound') return
    const fact = { tenantId, instanceId: instance, about: id, data: {} as never, subject: null }
    await record(sql, appAt(at).clock, { ...fact, type: 'message.received' })
  })
  return id
}

type Status = MessageRow['status']
const change = (id: string, status: Status, at: Date, of: { node?: Database; instance?: string } = {}) =>
  (of.node ?? nodes[0]!).transaction(async sql => {
    const row = await lockMessage(sql, of.instance ?? instanceId, id)
    const error = status === 'failed' ? { code: 'expired', message: 'Too late.' } : undefined
    await changeStatus(sql, appAt(at), { row: row!, status, error })
  })

const totals = async (of: Sql = sql(), instance: string | null = null): Promise<MessageFigures> => {
  const total = { ...NO_FIGURES }
  const buckets = await messageFigures(of, { tenantId, instanceId: instance, ...SPAN })
  for (const bucket of buckets) {
    for (const name of Object.keys(total) as (keyof MessageFigures)[]) total[name] += bucket[name]
  }
  return total
}
const recount = async (of: Sql): Promise<MessageFigures> =>
  (
    await of.query<MessageFigures>(
      `select count(*) filter (where direction = 'outbound' and status in ('sent', 'delivered', 'read'))::int as sent,
         count(*) filter (where direction = 'outbound' and status in ('delivered', 'read'))::int as delivered,
         count(*) filter (where direction = 'outbound' and status = 'read')::int as read,
         count(*) filter (where status = 'failed')::int as failed,
         count(*) filter (where direction = 'inbound')::int as received from message where tenant_id = $1`,
      [tenantId],
    )
  )[0]!

describe('messages by the hour', () => {
  it('equal a recount whatever goes on: changes at once on three nodes, all counting, some ended in the middle', async () => {
    const instances = [instanceId, await newInstance(), await newInstance()]
    const around = () => new Date(EDGE_MS + Math.round((Math.random() - 0.5) * 2 * HOUR_MS))
    const STATUSES: Status[] = ['sent', 'delivered', 'read', 'failed']
    let going = true
    const sender = async (node: Database) => {
      for (let n = 0; n < 40; n++) {
        const instance = instances[n % instances.length]!
        await newMessage('inbound', around(), instance)
        const id = await newMessage('outbound', around(), instance)
        for (const status of STATUSES) if (Math.random() < 0.6) await change(id, status, around(), { node, instance })
      }
    }
    const counter = async (node: Database) => {
      while (going) {
        if (Math.random() < 0.5) await rollUpMessagesDue({ db: node })
        const killed = node.transaction(async sql => {
          await rollUpMessages(sql)
          throw new Error('killed')
        })
        await expect(killed).rejects.toThrow('killed')
      }
    }
    const readings: [MessageFigures, MessageFigures][] = []
    const reader = async () => {
      while (going) {
        await nodes[1]!.transaction(async sql => {
          await sql.query('set transaction isolation level repeatable read, read only')
          readings.push([await totals(sql), await recount(sql)])
        })
      }
    }
    const others = [...nodes.map(counter), counter(nodes[0]!), reader()]
    await Promise.all([...nodes.map(sender), sender(nodes[1]!)])
    going = false
    await Promise.all(others)
    await rollUpMessagesDue({ db: nodes[0]! })
    expect(await rollupsAmiss(sql())).toEqual([])
    const rolled = await rows(
      `select sum(sent)::int as sent, sum(delivered)::int as delivered, sum(read)::int as read, sum(failed)::int as failed,
         sum(received)::int as received from message_rollup where tenant_id = $1`,
      [tenantId],
    )
    expect(rolled).toEqual([await recount(sql())])
    expect(rolled[0]!.received).toBe(160)
    // Each saw one moment: what was counted, what was not yet, and nothing twice.
    expect(readings.length).toBeGreaterThan(5)
    for (const [told, counted] of readings) expect(told).toEqual(counted)
    expect(await totals()).toEqual(await recount(sql()))
  }, 180_000)

  it('count a message in the hours in which it reached its states, those that it skipped too', async () => {
    const id = await newMessage('outbound', new Date(EDGE_MS))
    await change(id, 'sent', new Date(EDGE_MS - 1))
    await change(id, 'read', new Date(EDGE_MS))
    const skipping = await newMessage('outbound', new Date(EDGE_MS))
    await change(skipping, 'read', new Date(EDGE_MS - 1))
    const expected = [
      { bucket: 1, ...NO_FIGURES, sent: 2, delivered: 1, read: 1 },
      { bucket: 2, ...NO_FIGURES, delivered: 1, read: 1 },
    ]
    for (const when of ['before', 'after']) {
      const buckets = await messageFigures(sql(), { tenantId, instanceId: null, ...SPAN })
      expect(
        buckets.sort((a, b) => a.bucket - b.bucket),
        `${when} it is counted`,
      ).toEqual(expected)
      await rollUpMessagesDue({ db: nodes[0]! })
    }
    const days = { ...SPAN, bucketSeconds: 86_400 }
    expect(await messageFigures(sql(), { tenantId, instanceId, ...days })).toMatchObject([{ bucket: 0, sent: 2 }])
    const until = { ...SPAN, end: new Date(EDGE_MS) }
    expect(await messageFigures(sql(), { tenantId, instanceId, ...until })).toMatchObject([{ bucket: 1, sent: 2 }])
    const since = { ...SPAN, start: new Date(EDGE_MS) }
    expect(await messageFigures(sql(), { tenantId, instanceId, ...since })).toMatchObject([{ bucket: 0, sent: 0 }])
  })

  it('outlive messages and events, and go with their instance', async () => {
    await newMessage('inbound', new Date(EDGE_MS))
    await rollUpMessagesDue({ db: nodes[0]! })
    for (const table of ['message', 'event']) await rows(`delete from ${table} where instance_id = $1`, [instanceId])
    expect(await totals()).toEqual({ ...NO_FIGURES, received: 1 })
    await rollUpMessagesDue({ db: nodes[0]! })
    expect(await totals()).toEqual({ ...NO_FIGURES, received: 1 })
    await rows('delete from instance where id = $1', [instanceId])
    expect(await totals()).toEqual(NO_FIGURES)
  })

  it('go on after events that are gone before they were counted', async () => {
    await newMessage('inbound', new Date(EDGE_MS))
    await rows('delete from event where instance_id = $1', [instanceId])
    await rollUpMessagesDue({ db: nodes[0]! })
    expect(await rollUpMessages(sql())).toBe(0)
    await newMessage('inbound', new Date(EDGE_MS))
    await rollUpMessagesDue({ db: nodes[0]! })
    expect(await totals()).toMatchObject({ received: 1 })
  })

  it('are left alone while their instance is deleted: neither waits for the other', async () => {
    for (const isKnown of [false, true]) {
      const instance = await newInstance()
      await newMessage('inbound', new Date(EDGE_MS), instance)
      if (isKnown) await rollUpMessagesDue({ db: nodes[0]! })
      await newMessage('inbound', new Date(EDGE_MS + 2 * HOUR_MS), instance)
      await nodes[1]!.transaction(async deleter => {
        await deleter.query('select 1 from instance where id = $1 for update', [instance])
        await rollUpMessages(nodes[0]!.sql)
        await deleter.query('delete from instance where id = $1', [instance])
      })
    }
    expect(await totals()).toEqual(NO_FIGURES)
  }, 20_000)

  it('are begun for new instances by two nodes at once, which make their marks in one order', async () => {
    const [first, second] = [instanceId, await newInstance()]
    // As they lie in the table, the second comes first.
    for (const instance of [second, first]) await newMessage('inbound', new Date(EDGE_MS), instance)
    const mark = `insert into rollup_mark (instance_id) values ($1)`
    const isWaiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
      and query like 'insert into rollup_mark%'`
    const other = await nodes[1]!.transaction(async sql => {
      await sql.query(mark, [first])
      const asked = rollUpMessages(nodes[0]!.sql).then(() => 'done', String)
      // Within one transaction, who is active stays as it was when first asked.
      await until(
        () => rows(isWaiting),
        waiting => waiting.length === 1,
      )
      await sql.query(mark, [second])
      return { asked }
    })
    expect(await other.asked).toBe('done')
    await rollUpMessagesDue({ db: nodes[0]! })
    expect(await totals()).toMatchObject({ received: 2 })
  })

  it('keep the reasons of failures, before and after they are counted', async () => {
    const failed = await newMessage('outbound', new Date(EDGE_MS))
    await change(failed, 'failed', new Date(EDGE_MS))
    const error = { at: new Date(EDGE_MS), category: 'messages', code: 'expired', message: 'Too late.', instanceId }
    for (const _ of ['before', 'after', 'after that']) {
      expect(await recentErrors(sql(), { tenantId, ...SPAN, limit: 10 })).toEqual([error])
      await rollUpMessagesDue({ db: nodes[0]! })
    }
    await rows(
      `insert into recent_error (tenant_id, at, category, code, message)
       select $1, now() + n * interval '1 s', 'api', n::text, '' from generate_series(1, 300) as n`,
      [tenantId],
    )
    while ((await tidyRecentErrors(sql(), { keep: 200, limit: 50 })) > 0);
    const [left] = await rows(
      'select count(*)::int as count, min(code::int) as least from recent_error where tenant_id = $1',
      [tenantId],
    )
    expect(left).toEqual({ count: 200, least: 101 })
  })
})

describe('connections by the hour', () => {
  const become = (state: string, minutes: number, lastError: string | null = null) =>
    recordState(sql(), {
      instanceId,
      at: new Date(EDGE_MS + minutes * 60_000),
      state,
      lastError,
      linked: true,
      phoneNumber: null,
      lid: null,
      epoch: 0,
    })
  const hours = () =>
    rows(
      `select (extract(epoch from hour) * 1000 - $2)::bigint / 3600000 as hour, uptime_ms / 60000 as minutes, reconnects, failures
       from connection_rollup where instance_id = $1 order by 1`,
      [instanceId, EDGE_MS],
    )

  it('add up to how long it was connected, split where hours end; the first link is no reconnect', async () => {
    await become('reconnecting', -80)
    await become('connected', -70)
    await become('reconnecting', 70, 'The connection was closed.')
    await become('reconnecting', 71, 'WhatsApp did not answer.')
    await become('connected', 75)
    await become('disconnected', 120)
    expect((await hours()).map(Object.values)).toEqual([
      ['-2', 10, 0, 0],
      ['-1', 60, 0, 0],
      ['0', 60, 0, 0],
      ['1', 55, 1, 2],
    ])
    const [figures] = await instanceFigures(sql(), { tenantId, ...SPAN, limit: 10 })
    expect(figures).toMatchObject({ uptimeMs: 185 * 60_000, reconnects: 1 })
    expect(await recentErrors(sql(), { tenantId, ...SPAN, limit: 10 })).toMatchObject([
      { category: 'connections', code: 'reconnecting', message: 'WhatsApp did not answer.' },
      { category: 'connections', code: 'reconnecting', message: 'The connection was closed.' },
    ])
  })

  describe('of a node that has ended', () => {
    const LEASE_MS = 10_000
    const now = new Date(EDGE_MS)
    const claim = () => claimFree(sql(), { owner: 'next', limit: 10, now })
    const minutes = async () => (await hours()).reduce((sum, hour) => sum + hour.minutes, 0)
    const nobodysSince = async () =>
      (await instanceFigures(sql(), { tenantId, ...SPAN, limit: 1 }))[0]!.nobodysSince?.getTime()
    beforeEach(async () => {
      const of = { host: '', process: '', connections: 'nobody', version: '', draining: false, leaseMs: LEASE_MS }
      await insertNode(sql(), { id: 'node', ...of })
      expect(await takeLease(sql(), { instanceId, owner: 'node' })).toBe(1)
      await rows('update instance set wanted = true, linked = true where id = $1', [instanceId])
    })
    afterEach(() => removeAllNodes(sql()))
    const beaten = (minutes: number) =>
      rows(`update node set beat_at = $1 where id = 'node'`, [new Date(EDGE_MS + minutes * 60_000)])
    const ends: Record<string, () => Promise<unknown>> = {
      'buried by another': () => buryNode(sql(), { id: 'node', beats: 1 }),
      'that begins anew': () => removeNode(sql(), 'node'),
      'alone on its database': () => removeAllNodes(sql()),
    }

    it.each(Object.entries(ends))('end with its last beat: of one %s', async (_, end) => {
      await become('connected', -60)
      await beaten(-20)
      expect(await nobodysSince()).toBeUndefined()
      await end()
      expect(await nobodysSince()).toBe(EDGE_MS - 20 * 60_000)
      expect(await claim()).toMatchObject([{ id: instanceId, epoch: 2 }])
      expect((await hours()).map(Object.values)).toEqual([['-1', 40, 0, 0]])
      await become('connected', 5)
      expect((await hours()).map(Object.values)).toEqual([
        ['-1', 40, 0, 0],
        ['0', 0, 1, 0],
      ])
    })

    it('end with its last beat, too, where nobody is to connect the instance again', async () => {
      await rows('update instance set wanted = false where id = $1', [instanceId])
      await become('connected', -60)
      await beaten(-20)
      await removeNode(sql(), 'node')
      await settleFree(sql(), now)
      expect((await hours()).map(Object.values)).toEqual([['-1', 40, 0, 0]])
    })

    it('end with its last beat, too, where a call has the instance connected before it is taken', async () => {
      await become('connected', -60)
      await beaten(-20)
      await removeNode(sql(), 'node')
      expect(await takeLease(sql(), { instanceId, owner: 'next' })).toBe(2)
      expect((await hours()).map(Object.values)).toEqual([['-1', 40, 0, 0]])
      expect(await rows('select state from instance where id = $1', [instanceId])).toEqual([{ state: 'reconnecting' }])
    })

    it('are none where the last beat was before the connection', async () => {
      await become('connected', -10)
      await beaten(-20)
      await removeNode(sql(), 'node')
      await claim()
      expect(await hours()).toEqual([])
    })

    it('go on to the moment in which it has handed them over, and no longer', async () => {
      const nowMs = Date.now()
      await become('connected', (nowMs - EDGE_MS) / 60_000 - 60)
      expect(await releaseLease(sql(), { instanceId, owner: 'node' })).toBe(true)
      await rows(`update instance_lease set expires_at = expires_at - interval '30 minutes' where instance_id = $1`, [
        instanceId,
      ])
      expect(await claimFree(sql(), { owner: 'next', limit: 10, now: new Date(nowMs) })).toHaveLength(1)
      expect(await minutes()).toBeOneOf([29, 30])
    })

    it('go on to the moment in which they are taken over where it is not known', async () => {
      await become('connected', -60)
      await rows(`delete from node where id = 'node'`)
      expect(await nobodysSince()).toBeUndefined()
      await claim()
      expect((await hours()).map(Object.values)).toEqual([['-1', 60, 0, 0]])
    })
  })
})

describe('deliveries by the hour', () => {
  async function newDelivery(): Promise<{ webhookId: string; id: string }> {
    const webhookId = newId('whk')
    await rows(
      `insert into webhook (id, tenant_id, instance_id, url, events, secret)
       values ($1, $2, $3, 'http://x', '{message.received}', '')`,
      [webhookId, tenantId, instanceId],
    )
    await newMessage('inbound', new Date(EDGE_MS))
    const [row] = await rows('select id from webhook_delivery where webhook_id = $1', [webhookId])
    return { webhookId, id: row!.id }
  }
  const tried = (id: string, attempts: number, status: TriedDelivery['status']): TriedDelivery => {
    const error = status === 'delivered' ? null : 'answered 500'
    const made = { at: new Date().toISOString(), durationMs: 1, statusCode: 500, error, response: null }
    return { id, attempts, status, waitMs: 0, made }
  }
  const today = {
    start: new Date(Date.now() - 86_400_000),
    end: new Date(Date.now() + 86_400_000),
    bucketSeconds: 864_000,
  }
  const figures = async () =>
    (await deliveryFigures(sql(), { tenantId, ...today })).map(({ bucket: _, ...counts }) => counts)

  it('count each end once, and each try after the first, whoever writes it down twice', async () => {
    const { webhookId, id } = await newDelivery()
    const write = (attempts: number, status: TriedDelivery['status'], node = 0) =>
      recordTries(nodes[node]!.sql, { instanceId, webhookId, tried: [tried(id, attempts, status)] })
    await Promise.all([write(0, 'pending'), write(0, 'pending', 1), write(0, 'delivered', 2)])
    const [{ attempts } = { attempts: 0 }] = await rows('select attempts from webhook_delivery where id = $1', [id])
    expect(attempts).toBe(1)
    await rows(
      `update webhook_delivery set status = 'pending', next_attempt_at = now(), finished_at = null where id = $1`,
      [id],
    )
    const before = (await figures())[0]?.delivered ?? 0
    await Promise.all([write(1, 'delivered'), write(1, 'delivered', 1), write(1, 'delivered', 2)])
    expect(await figures()).toEqual([{ delivered: before + 1, failed: 0, retried: 1 }])
  })

  it('count what fails because its webhook was deactivated', async () => {
    const { webhookId } = await newDelivery()
    await rows('update webhook set active = false where id = $1', [webhookId])
    await Promise.all(nodes.map(node => failInactive(node.sql, { error: 'not active', limit: 10 })))
    expect(await figures()).toEqual([{ delivered: 0, failed: 1, retried: 0 }])
    expect(await rollupsAmiss(sql())).toEqual([])
  })
})

describe('hours that no answer reaches any more', () => {
  const OF: Record<string, string> = {
    message_rollup: '(tenant_id, instance_id, hour) select $1, $2, hour',
    connection_rollup: '(tenant_id, instance_id, hour) select $1, $2, hour',
    webhook_rollup: `(tenant_id, instance_id, webhook_id, hour) select $1, $2, 'whk', hour`,
    api_rollup: `(tenant_id, grain, hour, method, route) select $1, left('hour' || $2, 4), hour, '', ''`,
  }

  it('are deleted, however many, and those that one reaches are kept', async () => {
    const now = new Date(EDGE_MS)
    const before = `$3::timestamptz - interval '401 days'`
    for (const [table, columns] of Object.entries(OF)) {
      await rows(
        `insert into ${table} ${columns} from generate_series(1, 1500) as n, lateral (select ${before} - n * interval '1 hour' as hour) as h`,
        [tenantId, instanceId, now],
      )
      await rows(`insert into ${table} ${columns} from (select ${before} as hour) as h`, [tenantId, instanceId, now])
    }
    await rows(
      `insert into api_batch (id, written_at) values ('old', $1::timestamptz - interval '25 hours'), ('new', $1)`,
      [now],
    )
    await tidyRollupsDue({ db: nodes[0]!, clock: appAt(now).clock })
    for (const table in OF) {
      const [left] = await rows(`select count(*)::int as count from ${table} where tenant_id = $1`, [tenantId])
      expect([table, left.count]).toEqual([table, 1])
    }
    expect(await rows(`select id from api_batch where id in ('old', 'new')`)).toEqual([{ id: 'new' }])
  })
})
