import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Answer, type Caller, connectedInstance, openTestApp, type TestApp, until } from '../support/app.ts'

let wataki: TestApp
let caller: Caller

beforeAll(async () => {
  wataki = await openTestApp()
}, 60_000)
afterAll(() => wataki?.close())
beforeEach(async () => {
  caller = await wataki.tenant()
})

const leases = () =>
  wataki.app.db.sql.query<{ owner: string; epoch: string }>(
    `select owner, epoch from instance_lease join instance on instance.id = instance_lease.instance_id
     where tenant_id = $1`,
    [caller.tenantId],
  )
const made = async () => `/v1/instances/${(await caller.post('/v1/instances', { name: 'bot', sandbox: true })).body.id}`

describe('a hundred connects at once', () => {
  it('are one session under one lease, with one code for all', { timeout: 60_000 }, async () => {
    const path = await made()
    // As clients do that are told to come again.
    const connect = () =>
      until(
        () => caller.post(`${path}/connect`),
        ({ status }) => status !== 503,
      )
    const all = await Promise.all(Array.from({ length: 100 }, connect))
    expect(new Set(all.map(got => got.status))).toEqual(new Set([200]))
    expect(new Set(all.map(got => got.body.qr)).size).toBe(1)
    expect(await leases()).toEqual([{ owner: wataki.app.node.id, epoch: '1' }])
    expect((await caller.post(`${path}/sandbox/scan`)).body.state).toBe('connected')
    // Connecting again neither fences the session off nor ends it.
    expect((await caller.post(`${path}/connect`)).body.status.state).toBe('connected')
    expect(await leases()).toEqual([{ owner: wataki.app.node.id, epoch: '1' }])
  })
})

describe('an instance that another process takes over', () => {
  it('is not written here any more: what comes in is kept by nobody, and a connect takes it back', {
    timeout: 60_000,
  }, async () => {
    const id = await connectedInstance(caller)
    const path = `/v1/instances/${id}`
    const { sql } = wataki.app.db
    await sql.query(
      `insert into node (id, host, process, connections, version, expires_at)
       values ('other', '', '', 'nobody', '', now() + interval '1 hour')`,
    )
    await sql.query(`update instance_lease set owner = 'other', epoch = epoch + 1 where instance_id = $1`, [id])
    const rows = async () => {
      const [row] = await sql.query<{ keys: string; inbox: string }>(
        `select (select md5(string_agg(encode(value, 'hex'), '' order by type, id)) from signal_key where instance_id = $1) as keys,
           (select count(*) from inbox where instance_id = $1) as inbox`,
        [id],
      )
      return row!
    }
    const before = await rows()
    const text = { from: '5511955550001', type: 'text', content: { text: 'hello' } }
    await caller.post(`${path}/sandbox/messages`, text)
    await new Promise(resolve => setTimeout(resolve, 500))
    expect(await rows()).toEqual(before)
    const messages = () => caller.get(`${path}/messages?chat_id=5511955550001`)
    expect((await messages()).body.data).toEqual([])

    await sql.query(`delete from node where id = 'other'`)
    expect((await caller.post(`${path}/connect`)).status).toBe(200)
    await until(messages, ({ body }) => body.data.length === 1)
    expect((await caller.get(`${path}/status`)).body.state).toBe('connected')
    expect((await leases())[0]).toEqual({ owner: wataki.app.node.id, epoch: '3' })
  })
})

describe('connect, disconnect and delete in any order', () => {
  it('leave no row and no lease of what was deleted', { timeout: 120_000 }, async () => {
    const kinds = ['connect', 'disconnect', 'delete'] as const
    for (let round = 0; round < 20; round++) {
      const path = await made()
      const calls = Array.from({ length: 12 }, (_, n): Promise<Answer> => {
        const kind = n === 6 ? 'delete' : kinds[Math.floor(Math.random() * 2)]
        return kind === 'delete' ? caller.delete(path) : caller.post(`${path}/${kind}`)
      })
      const statuses = (await Promise.all(calls)).map(got => got.status)
      for (const status of statuses) expect([200, 204, 404]).toContain(status)
      expect((await caller.get(path)).status).toBe(404)
      expect(await leases()).toEqual([])
    }
    const { rows } = await wataki.app.db.pool.query(
      `select (select count(*) from credential where instance_id not in (select id from instance))
         + (select count(*) from signal_key where instance_id not in (select id from instance)) as orphans`,
    )
    expect(Number(rows[0].orphans)).toBe(0)
  })
})

describe('an instance whose lease is here while nothing runs', () => {
  it('is run again, and others are left alone', { timeout: 60_000 }, async () => {
    const [lost, stopped] = [await connectedInstance(caller), await connectedInstance(caller, 'other')]
    const { app } = wataki
    await caller.post(`/v1/instances/${stopped}/disconnect`)
    // As a hand-over that broke off after the socket was closed.
    await app.whatsapp.release(lost)
    const running = () => app.whatsapp.running().map(({ instanceId }) => instanceId)
    expect(running()).not.toContain(lost)
    await until(running, ids => ids.includes(lost), 40_000)
    const sent = await caller.post(`/v1/instances/${lost}/messages`, {
      chat_id: '5511955550001',
      type: 'text',
      content: { text: 'there again' },
    })
    expect([sent.status, sent.body.status]).toEqual([202, expect.stringMatching(/sent|delivered|read/)])
    expect(running()).not.toContain(stopped)
  })
})
