import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { App } from '../../src/context.ts'
import { ApiError } from '../../src/errors.ts'
import { newId } from '../../src/ids.ts'
import { cycleOf } from '../../src/resolvers/billing/cycle.ts'
import { giveBack, reserve, usageOf } from '../../src/resolvers/billing/quota.ts'
import { setTenantPlan } from '../../src/resolvers/billing/setTenantPlan.ts'
import { expirePending } from '../../src/resolvers/messages/failPending.ts'
import { onAnswers } from '../../src/resolvers/messages/onAnswers.ts'
import type { Json } from '../support/app.ts'
import { type Got, type Nodes, openNodes, send } from '../support/nodes.ts'

/** Instances here are on their way to a WhatsApp that is not there: what they send is accepted, and stays `pending`. */

let three: Nodes
let tenantId: string
let apiKey: string

beforeAll(async () => {
  three = await openNodes(3, { RATE_LIMIT_PER_MINUTE: '1000000' })
}, 60_000)
afterAll(() => three?.close())
beforeEach(async () => {
  ;({ tenantId, apiKey } = await three.tenant())
})

const app = (): App => three.nodes[0]!.app
const ask = (path: string, json: unknown, { node = 0, key = '' } = {}): Promise<Got> =>
  send(three.nodes[node]!.url + path, {
    method: 'POST',
    json,
    headers: { 'x-api-key': apiKey, ...(key && { 'idempotency-key': key }) },
  })

async function instance(): Promise<string> {
  const { body } = await ask('/v1/instances', { name: 'bot' })
  await three.rows(`update instance set state = 'reconnecting' where id = $1`, [body.id])
  return body.id
}

/** Of a plan with one instance, as after a change to it from one that had more. */
async function another(): Promise<string> {
  const id = newId('inst')
  const made = `insert into instance (id, tenant_id, name, state, sandbox) values ($1, $2, $1, 'reconnecting', false)`
  await three.rows(made, [id, tenantId])
  return id
}

let chats = 0
/** To somebody new, if nobody is named. */
const message = (to = `55119${String(10_000_000 + ++chats)}`) => ({
  chat_id: to,
  type: 'text',
  content: { text: 'x' },
})
const sendFrom = (instanceId: string, at: { node?: number; key?: string; to?: string } = {}) =>
  ask(`/v1/instances/${instanceId}/messages`, message(at.to), at)

const used = async (): Promise<number> =>
  (await three.rows('select used from usage where tenant_id = $1', [tenantId])).reduce((sum, row) => sum + row.used, 0)
const use = async (count: number) => {
  const { cycle } = (await usageOf(app().db.sql, app(), tenantId))!
  await three.rows(
    `insert into usage (tenant_id, cycle_start, cycle_end, used) values ($1, $2, $3, $4)
     on conflict (tenant_id, cycle_start) do update set used = $4`,
    [tenantId, cycle.start, cycle.end, count],
  )
}
const quotaIn = ({ headers }: Got) => [headers['x-quota-used'], headers['x-quota-remaining']]

/** On a machine that is busy a connection to the database may not come in time: then nothing was done. */
async function untilTaken(instanceId: string, at: { node: number; to?: string }): Promise<Got> {
  for (let tries = 0; ; tries++) {
    const got = await sendFrom(instanceId, at)
    if (got.status !== 503 || tries === 20) return got
    await sleep(500)
  }
}

/** Counted for a message that nobody stored. */
const nobodys = (tenantId: string) => ({ tenantId, instanceId: 'inst_none', messageId: 'msg_none' })

describe('300 sends at once of three instances, on three nodes, of a plan with 100', () => {
  const RUNS = 3

  it(`are 100 times 202 and 200 times 402, each time; the headers tell each number once`, {
    timeout: 120_000,
  }, async () => {
    for (let run = 0; run < RUNS; run++) {
      ;({ tenantId, apiKey } = await three.tenant())
      // Sends of one instance wait for each other whatever is counted.
      const ids = [await instance(), await another(), await another()]
      // To chats that are known and to new ones: they are counted by different statements.
      const all = await Promise.all(
        Array.from({ length: 300 }, (_, n) =>
          untilTaken(ids[n % 3]!, { node: (n >> 1) % 3, ...(n % 4 > 0 && { to: '5511900000000' }) }),
        ),
      )
      const [accepted, refused] = [202, 402].map(status => all.filter(got => got.status === status)) as [Got[], Got[]]
      expect([accepted.length, refused.length]).toEqual([100, 200])
      const told = accepted.map(quotaIn).sort(([a], [b]) => Number(a) - Number(b))
      expect(told).toEqual(Array.from({ length: 100 }, (_, n) => [String(n + 1), String(99 - n)]))
      const [tenant] = await three.rows('select created_at from tenant where id = $1', [tenantId])
      const resetsAt = cycleOf(tenant.created_at, new Date()).end.toISOString()
      for (const got of refused) {
        expect(quotaIn(got)).toEqual(['100', '0'])
        expect([got.body.error.code, got.body.error.details]).toEqual([
          'quota_exceeded',
          { used: 100, included: 100, resets_at: resetsAt },
        ])
      }
      expect(await used()).toBe(100)
      const [{ count }] = await three.rows('select count(*)::int from message where tenant_id = $1', [tenantId])
      expect(count).toBe(100)
    }
  })
})

describe('a GraphQL request with 15 sends when 3 are left', () => {
  it('sends 3, and has 12 errors quota_exceeded', { timeout: 60_000 }, async () => {
    const id = await instance()
    await use(97)
    const one = (n: number) =>
      `m${n}: sendMessage(instanceId: "${id}", input: { chatId: "551190000${1000 + n}", type: text, content: { text: "x" } }) { id }`
    const query = `mutation { ${Array.from({ length: 15 }, (_, n) => one(n)).join(' ')} }`
    const { body, headers } = await ask('/graphql', { query })
    const errors = body.errors as Json[]
    expect(errors).toHaveLength(12)
    for (const { extensions } of errors) {
      expect([extensions.code, extensions.details.used, extensions.details.included]).toEqual([
        'quota_exceeded',
        100,
        100,
      ])
    }
    const [{ count }] = await three.rows('select count(*)::int from message where tenant_id = $1', [tenantId])
    expect([count, await used(), headers['x-quota-used'], headers['x-quota-remaining']]).toEqual([3, 100, '100', '0'])
  })
})

describe('what does not count', () => {
  it('is a send that was refused, a replay, and a message that failed: it comes back once', {
    timeout: 60_000,
  }, async () => {
    const id = await instance()
    const path = `/v1/instances/${id}/messages`
    expect((await ask(path, { ...message(), chat_id: 'x' })).status).toBe(400)
    expect((await ask('/v1/instances/inst_01m84k41q5bzehev0j4g4kfb1t/messages', message())).status).toBe(404)
    expect(await used()).toBe(0)
    const json = message()
    const sent = await ask(path, json, { key: 'k' })
    const again = await ask(path, json, { key: 'k', node: 1 })
    expect([sent.status, again.status, again.text]).toEqual([202, 202, sent.text])
    expect(again.headers['idempotency-replayed']).toBe('true')
    await ask(path, message())
    expect(await used()).toBe(2)
    const { id: failing } = sent.body
    await three.rows('update message set expires_at = now() where instance_id = $1 and id = $2', [id, failing])
    await Promise.all(three.nodes.map(({ app }) => expirePending(app)))
    for (const { app } of three.nodes) await expirePending(app)
    const [failed] = await three.rows('select status, whatsapp_id from message where id = $1', [failing])
    expect([failed.status, await used()]).toEqual(['failed', 1])
    // WhatsApp's own refusal of it, which comes too late.
    const refusal = { kind: 'ack' as const, whatsappId: failed.whatsapp_id, errorCode: '463' }
    for (const { app } of three.nodes) await onAnswers(app, id, [refusal])
    expect(await used()).toBe(1)
    const refused = await three.rows('update instance set state = $2 where id = $1 returning 1', [id, 'disconnected'])
    expect(refused).toHaveLength(1)
    const got = await ask(path, message())
    expect([got.status, quotaIn(got), await used()]).toEqual([409, [undefined, undefined], 1])
  })

  it('never makes the count less than nothing', async () => {
    const { countedIn } = await reserve(app().db.sql, app(), nobodys(tenantId))
    for (let n = 0; n < 3; n++) await giveBack(app().db.sql, { tenantId, countedIn })
    await giveBack(app().db.sql, { tenantId, countedIn: null })
    expect(await used()).toBe(0)
  })
})

describe('a change of plan', () => {
  it('holds at once on every node, for the present cycle, and keeps what was counted', {
    timeout: 60_000,
  }, async () => {
    const id = await instance()
    const everywhere = () => Promise.all([0, 1, 2].map(node => sendFrom(id, { node })))
    await everywhere()
    await use(100)
    expect((await everywhere()).map(got => got.status)).toEqual([402, 402, 402])
    await setTenantPlan(app(), { id: tenantId }, 'growth')
    const more = await everywhere()
    expect(more.map(got => got.status)).toEqual([202, 202, 202])
    expect(more.map(got => quotaIn(got).map(Number)).sort(([a], [b]) => a! - b!)).toEqual([
      [101, 4899],
      [102, 4898],
      [103, 4897],
    ])
    await setTenantPlan(app(), { id: tenantId }, 'free')
    for (const got of await everywhere()) {
      expect([got.status, quotaIn(got), got.body.error.details.used]).toEqual([402, ['103', '0'], 103])
    }
    const [audit] = await three.rows(
      'select action, target from audit_log where tenant_id = $1 order by id desc limit 1',
      [tenantId],
    )
    expect(audit).toEqual({ action: 'tenant.plan_set', target: tenantId })
  })
})

describe('the turn of a cycle', () => {
  const HOUR_MS = 3_600_000

  it('resets once, though the clock goes back an hour across it: each message is counted in one cycle', async () => {
    const anchor = new Date('2026-01-31T10:00:00.000Z')
    const turn = new Date('2026-02-28T10:00:00.000Z')
    await three.rows('update tenant set created_at = $2 where id = $1', [tenantId, anchor])
    const countedIn: string[] = []
    const at = async (now: Date, times: number) => {
      const clock = { now: () => now, nowMs: () => now.getTime() }
      let done = 0
      for (let n = 0; n < times; n++) {
        try {
          const reserved = await reserve(app().db.sql, { clock, config: app().config }, nobodys(tenantId))
          countedIn.push(reserved.countedIn.toISOString())
          done++
        } catch (error) {
          if (!(error instanceof ApiError && error.code === 'quota_exceeded')) throw error
        }
      }
      return done
    }
    const turnPlus = (ms: number) => new Date(turn.getTime() + ms)
    expect(await at(turnPlus(-1), 60)).toBe(60)
    expect(await at(turnPlus(0), 70)).toBe(70)
    expect(await at(turnPlus(-HOUR_MS), 60)).toBe(40)
    expect(await at(turnPlus(0), 60)).toBe(30)
    expect(await at(new Date('2026-03-31T09:59:59.999Z'), 1)).toBe(0)
    expect(await at(new Date('2026-03-31T10:00:00.000Z'), 1)).toBe(1)
    const rows = await three.rows('select cycle_start, cycle_end, used from usage where tenant_id = $1 order by 1', [
      tenantId,
    ])
    expect(rows.map(row => [row.cycle_start.toISOString(), row.cycle_end.toISOString(), row.used])).toEqual([
      ['2026-01-31T10:00:00.000Z', '2026-02-28T10:00:00.000Z', 100],
      ['2026-02-28T10:00:00.000Z', '2026-03-31T10:00:00.000Z', 100],
      ['2026-03-31T10:00:00.000Z', '2026-04-30T10:00:00.000Z', 1],
    ])
    for (const row of rows) {
      expect(countedIn.filter(start => start === row.cycle_start.toISOString())).toHaveLength(row.used)
    }
  })
})

describe('with QUOTA=off', () => {
  it('all is counted, nothing is refused, and no header tells a number', { timeout: 60_000 }, async () => {
    const unlimited = { ...app().config, quota: false }
    const { clock, db } = app()
    await use(100)
    const facts = {}
    expect(await reserve(db.sql, { clock, config: unlimited, facts }, nobodys(tenantId))).toMatchObject({ quota: null })
    expect([facts, await used()]).toEqual([{}, 101])
    const off = await openNodes(1, { QUOTA: 'off' })
    try {
      const own = await off.tenant()
      const headers = { 'x-api-key': own.apiKey }
      const { url } = off.nodes[0]!
      const made = await send(`${url}/v1/instances`, { json: { name: 'bot' }, headers })
      await off.rows(`update instance set state = 'connecting'`)
      const got = await send(`${url}/v1/instances/${made.body.id}/messages`, { json: message(), headers })
      expect([got.status, quotaIn(got)]).toEqual([202, [undefined, undefined]])
    } finally {
      await off.close()
    }
  })
})
