import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { App } from '../../src/context.ts'
import { tidyRateBucketsDue } from '../../src/resolvers/auth/admit.ts'
import { newApiKey } from '../../src/resolvers/auth/api-key.ts'
import { sha256 } from '../../src/secrets.ts'
import { until } from '../support/app.ts'
import { type Got, type Nodes, openNodes, send } from '../support/nodes.ts'

let three: Nodes
beforeAll(async () => {
  three = await openNodes(3, { TRUST_PROXY: '127.0.0.9/32' })
})
afterAll(() => three.close())

const url = (node: number, path: string) => three.nodes[node % 3]!.url + path
const withKey = (apiKey: string, node = 0, path = '/v1/instances') =>
  send(url(node, path), { headers: { 'x-api-key': apiKey } })
const number = (got: Got, name: string) => Number(got.headers[name])
const statuses = (answers: Got[]) => Object.groupBy(answers, answer => String(answer.status))
const nowSeconds = () => Date.now() / 1000

/** Each test its own address: strangers are told apart by it. */
let addresses = 10
const anAddress = () => `127.0.1.${++addresses}`

/** Runs work and tells how many statements it cost the node, without those of the clock. */
async function queriesOf(app: App, work: () => Promise<unknown>): Promise<number> {
  const { query } = app.db.sql
  const isJob =
    /instance|mail|message|inbox|node|command|rollup|api_batch|billing|counter|webhook|last_used_at =|last_seen_at =/
  let count = 0
  app.db.sql.query = (text, ...rest) => {
    if (!isJob.test(text)) count++
    return query(text, ...rest)
  }
  await work()
  app.db.sql.query = query
  return count
}

describe('the rate limit of a tenant', () => {
  it('admits exactly 60 of 600 concurrent requests over three nodes, and counts no refused one', async () => {
    const { tenantId, apiKey } = await three.tenant()
    // On a slow machine they are more than a burst: who is told to come again comes again.
    const insist = (node: number) =>
      until(
        () => withKey(apiKey, node),
        ({ status }) => status !== 503,
      )
    const answers = await Promise.all(Array.from({ length: 600 }, (_, i) => insist(i)))
    const { 200: admitted = [], 429: refused = [] } = statuses(answers)
    expect([admitted.length, refused.length]).toEqual([60, 540])
    const left = admitted.map(answer => number(answer, 'x-ratelimit-remaining')).sort((a, b) => a - b)
    expect(left).toEqual(Array.from({ length: 60 }, (_, i) => i))
    for (const answer of refused) {
      expect(answer.body.error.code).toBe('rate_limited')
      expect(number(answer, 'x-ratelimit-remaining')).toBe(0)
      expect(number(answer, 'retry-after')).toBeGreaterThan(0)
    }
    const resets = new Set(admitted.map(answer => number(answer, 'x-ratelimit-reset')))
    expect(resets.size).toBe(1)
    expect(await three.rows('select used from rate_bucket where key = $1', [tenantId])).toEqual([{ used: 60 }])
  }, 60_000)

  it('admits one of three that wait at once for the last of a minute, one on each node', async () => {
    const { tenantId, apiKey } = await three.tenant()
    await three.rows(`insert into rate_bucket values ($1, now(), 59)`, [tenantId])
    const answers = await three.nodes[0]!.app.db.transaction(async sql => {
      await sql.query('select 1 from rate_bucket where key = $1 for update', [tenantId])
      const asked = [0, 1, 2].map(node => withKey(apiKey, node))
      const isWaiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
        and query like 'with caller as%'`
      await until(
        () => three.rows(isWaiting),
        waiting => waiting.length === 3,
      )
      return asked
    })
    expect((await Promise.all(answers)).map(({ status }) => status).sort()).toEqual([200, 429, 429])
    expect(await three.rows('select used from rate_bucket where key = $1', [tenantId])).toEqual([{ used: 60 }])
  }, 60_000)

  it('says the second in which the window ends: refused before it, admitted after it', async () => {
    const { tenantId, apiKey } = await three.tenant()
    await three.rows(`insert into rate_bucket values ($1, now() - interval '57.5 s', 60)`, [tenantId])
    const refused = await withKey(apiKey)
    expect(refused.status).toBe(429)
    const reset = number(refused, 'x-ratelimit-reset')
    expect(Math.abs(reset - nowSeconds() - 2.5)).toBeLessThan(1.2)
    expect(number(refused, 'retry-after')).toBe(3)
    await new Promise(resolve => setTimeout(resolve, 1000))
    for (const node of [0, 1, 2]) expect((await withKey(apiKey, node)).status).toBe(429)
    await new Promise(resolve => setTimeout(resolve, (reset - nowSeconds()) * 1000 + 20))
    for (const node of [0, 1, 2]) expect((await withKey(apiKey, node)).status).toBe(200)
  })

  it('is of the tenant: its keys share it, other tenants and its dashboard do not', async () => {
    const [acme, other] = [await three.tenant(), await three.tenant()]
    await three.rows('insert into rate_bucket values ($1, now(), 60)', [acme.tenantId])
    const { cookie } = await three.session(acme.tenantId)
    expect((await withKey(acme.apiKey)).status).toBe(429)
    expect((await withKey(other.apiKey)).status).toBe(200)
    const looked = await send(url(1, '/v1/instances'), { headers: { cookie } })
    expect([looked.status, number(looked, 'x-ratelimit-limit'), number(looked, 'x-ratelimit-remaining')]).toEqual([
      200, 600, 599,
    ])
  })

  it('stays exact when the clocks of the nodes are an hour apart, and when the database’s was set back', async () => {
    const { tenantId, apiKey } = await three.tenant()
    await three.rows(`insert into rate_bucket values ($1, now() + interval '1 hour', 60)`, [tenantId])
    const clocks = three.nodes.map(node => node.app.clock)
    three.nodes.forEach(({ app }, i) => {
      const offMs = (i - 1) * 3_600_000
      app.clock = { now: () => new Date(Date.now() + offMs), nowMs: () => Date.now() + offMs }
    })
    try {
      const answers = await Promise.all(Array.from({ length: 150 }, (_, i) => withKey(apiKey, i)))
      expect(statuses(answers)[200]).toHaveLength(60)
      for (const answer of answers) {
        expect(Math.abs(number(answer, 'x-ratelimit-reset') - nowSeconds() - 60)).toBeLessThan(10)
      }
    } finally {
      three.nodes.forEach((node, i) => void (node.app.clock = clocks[i]!))
    }
  })

  it('costs one statement a request, with the look-up of the key, and none beyond the limit', async () => {
    const { tenantId, apiKey } = await three.tenant()
    const { app } = three.nodes[0]!
    const wrong = () => send(url(0, '/v1/nothing'), { headers: { 'x-api-key': apiKey } })
    expect(await queriesOf(app, wrong)).toBe(1)
    await three.rows('update rate_bucket set used = 60 where key = $1', [tenantId])
    expect((await wrong()).status).toBe(429)
    const beyond = async () => {
      for (let i = 0; i < 20; i++) expect((await wrong()).status).toBe(429)
    }
    expect(await queriesOf(app, beyond)).toBe(0)
  })

  it('forgets buckets that nobody draws from', async () => {
    await three.rows(`insert into rate_bucket values ('old', now() - interval '11 min', 1), ('new', now(), 1)`)
    await tidyRateBucketsDue(three.nodes[0]!.app)
    expect(await three.rows(`select key from rate_bucket where key in ('old', 'new')`)).toEqual([{ key: 'new' }])
  })
})

describe('X-RateLimit headers', () => {
  it('are on every answer of /v1 and /graphql, whatever it is', async () => {
    const { apiKey, tenantId } = await three.tenant()
    const from = anAddress()
    const key = { 'x-api-key': apiKey }
    const answers = [
      await send(url(0, '/v1/instances'), { headers: key, from }),
      await send(url(0, '/v1/instances'), { headers: key, json: { name: 5 }, from }),
      await send(url(0, '/v1/instances'), { headers: { ...key, 'content-type': 'text/plain' }, body: 'x', from }),
      await send(url(0, '/v1/instances'), { from }),
      await send(url(0, '/v1/instances'), { headers: { 'x-api-key': newApiKey() }, from }),
      await send(url(0, '/v1/nothing'), { from }),
      await send(url(0, '/v1/instances'), { method: 'PUT', headers: key, from }),
      await send(url(0, '/v1/instances'), { method: 'OPTIONS', from }),
      await send(url(0, '/v1/openapi.json'), { from }),
      await send(url(0, '/graphql'), { headers: key, json: { query: '{ me { id } }' }, from }),
      await send(url(0, '/graphql'), { json: { query: '{' }, from }),
      await send(url(0, '/graphql'), { headers: { 'x-api-key': 'bad' }, json: { query: '{ me { id } }' }, from }),
      await send(url(0, '/graphql'), { method: 'PUT', from }),
    ]
    const { query } = three.nodes[0]!.app.db.sql
    three.nodes[0]!.app.db.sql.query = () => Promise.reject(new Error('broken'))
    answers.push(await send(url(0, '/v1/instances'), { headers: key, from }))
    three.nodes[0]!.app.db.sql.query = query
    await three.rows(`update tenant set status = 'suspended' where id = $1`, [tenantId])
    answers.push(await send(url(0, '/v1/instances'), { headers: key, from }))
    const seen = answers.map(answer => answer.status)
    expect(seen).toEqual([200, 400, 415, 401, 401, 404, 405, 204, 200, 200, 200, 401, 405, 500, 403])
    answers.forEach((answer, i) => {
      for (const name of ['limit', 'remaining', 'reset']) {
        expect(answer.headers[`x-ratelimit-${name}`], `${i}: ${answer.status} ${name}`).toMatch(/^\d+$/)
      }
      expect(Math.abs(number(answer, 'x-ratelimit-reset') - nowSeconds() - 30)).toBeLessThan(32)
    })
    expect(answers.at(-1)!.body.error.code).toBe('account_inactive')
  })
})

describe('strangers', () => {
  const plans = (headers: Record<string, string>, from: string) => send(url(0, '/v1/openapi.json'), { headers, from })

  it('are counted for each address, on open routes, without a key and with bad ones, by a clock that cannot be set', async () => {
    const from = anAddress()
    const { app } = three.nodes[0]!
    const clock = app.clock
    for (let i = 0; i < 20; i++) {
      expect((await plans({}, from)).status).toBe(200)
      expect((await send(url(0, '/v1/instances'), { from })).status).toBe(401)
      expect((await send(url(0, '/v1/instances'), { headers: { 'x-api-key': 'x' }, from })).status).toBe(401)
    }
    app.clock = { now: () => new Date(Date.now() + 3_600_000), nowMs: () => Date.now() + 3_600_000 }
    const refused = await plans({}, from)
    app.clock = clock
    expect([refused.status, number(refused, 'x-ratelimit-remaining')]).toEqual([429, 0])
    expect((await send(url(0, '/v1/auth/login'), { json: { email: 'a@b.co' }, from })).status).toBe(429)
    expect((await plans({}, anAddress())).status).toBe(200)
  })

  it('use up nothing of who is signed in from the same address', async () => {
    const from = anAddress()
    const { apiKey } = await three.tenant()
    for (let i = 0; i < 61; i++) await plans({}, from)
    expect((await plans({}, from)).status).toBe(429)
    const honest = await send(url(0, '/v1/instances'), { headers: { 'x-api-key': apiKey }, from })
    expect([honest.status, number(honest, 'x-ratelimit-remaining')]).toEqual([200, 59])
  })

  it('are the address that a trusted proxy names, IPv6 by its first 64 bits; what others write is not believed', async () => {
    const spent = async (forwarded: string, from: string) => {
      const got = await plans({ 'x-forwarded-for': forwarded }, from)
      return 60 - number(got, 'x-ratelimit-remaining')
    }
    const proxy = '127.0.0.9'
    expect(await spent('203.0.113.1', proxy)).toBe(1)
    expect(await spent('203.0.113.1', proxy)).toBe(2)
    expect(await spent('198.51.100.7, 203.0.113.1', proxy)).toBe(3)
    expect(await spent('203.0.113.1, 127.0.0.9', proxy)).toBe(4)
    expect(await spent('::ffff:203.0.113.1', proxy)).toBe(5)
    expect(await spent('203.0.113.2', proxy)).toBe(1)
    expect(await spent('2001:db8:1:2::1', proxy)).toBe(1)
    expect(await spent('2001:db8:1:2:ffff::9', proxy)).toBe(2)
    expect(await spent('2001:db8:1:3::1', proxy)).toBe(1)
    const stranger = anAddress()
    expect(await spent('203.0.113.50', stranger)).toBe(1)
    expect(await spent('203.0.113.51', stranger)).toBe(2)
    expect(await spent('nonsense', proxy)).toBe(1)
  })

  it('who try keys cost the database nothing for a bad checksum, and a bounded number of questions for others', async () => {
    const from = anAddress()
    const { app } = three.nodes[0]!
    const flood = (keys: string[]) => () =>
      Promise.all(keys.map(key => send(url(0, '/v1/instances'), { headers: { 'x-api-key': key }, from })))
    const mistyped = Array.from({ length: 100 }, () => newApiKey().replace(/.$/, last => (last === '0' ? '1' : '0')))
    expect(await queriesOf(app, flood(mistyped))).toBe(0)
    const start = performance.now()
    const asked = await queriesOf(app, flood(Array.from({ length: 600 }, () => newApiKey())))
    const seconds = Math.ceil((performance.now() - start) / 1000)
    expect(asked).toBeLessThanOrEqual(60 + 20 * (seconds + 1))
    expect(asked).toBeLessThan(600)
  })

  it('who try keys from the same address keep out nobody whose key was good before, however many they try', async () => {
    const from = anAddress()
    const { apiKey } = await three.tenant()
    const read = async (key: string) =>
      (await send(url(0, '/v1/instances'), { headers: { 'x-api-key': key }, from })).status
    expect(await read(apiKey)).toBe(200)
    await Promise.all(Array.from({ length: 60 }, () => plans({}, from)))
    const told: number[] = []
    for (let n = 0; n < 30; n++)
      told.push(...(await Promise.all([apiKey, newApiKey(), newApiKey(), newApiKey()].map(read))))
    expect(told.filter((_, n) => n % 4 === 0)).toEqual(Array(30).fill(200))
    expect(told.filter((_, n) => n % 4 !== 0)).toEqual(Array(90).fill(429))
  })

  it('who use a key that was good and is revoked are strangers who try keys', async () => {
    const from = anAddress()
    const { app } = three.nodes[0]!
    const { apiKey, tenantId } = await three.tenant()
    const read = async () => (await send(url(0, '/v1/instances'), { headers: { 'x-api-key': apiKey }, from })).status
    expect(await read()).toBe(200)
    await Promise.all(Array.from({ length: 60 }, () => plans({}, from)))
    expect(await read()).toBe(200)
    await three.rows('update api_key set revoked_at = now() where tenant_id = $1', [tenantId])
    expect(await read()).toBe(429)
    const start = performance.now()
    const asked = await queriesOf(app, async () => {
      expect(new Set(await Promise.all(Array.from({ length: 300 }, read)))).toEqual(new Set([429]))
    })
    expect(asked).toBeLessThanOrEqual(20 * (Math.ceil((performance.now() - start) / 1000) + 1))
  })

  it('who try keys are asked about one after the other, and nobody else waits for them', async () => {
    const { app } = three.nodes[0]!
    const { apiKey } = await three.tenant()
    const from = anAddress()
    const read = (key: string) => send(url(0, '/v1/instances'), { headers: { 'x-api-key': key }, from })
    expect((await read(apiKey)).status).toBe(200)
    const { query } = app.db.sql
    const held: (() => void)[] = []
    let most = 0
    app.db.sql.query = async (text, ...rest) => {
      const isGood = JSON.stringify(rest[0]).includes(JSON.stringify(sha256(apiKey)))
      if (!text.includes('rate_bucket') || isGood) return query(text, ...rest)
      await new Promise<void>(go => (most = Math.max(most, held.push(go))))
      return query(text, ...rest)
    }
    const tried = Promise.all(Array.from({ length: 10 }, () => read(newApiKey())))
    await expect.poll(() => held.length).toBe(1)
    expect((await read(apiKey)).status).toBe(200)
    for (let left = 10; left > 0; left--) {
      await expect.poll(() => held.length).toBe(1)
      held.pop()!()
    }
    expect((await tried).map(({ status }) => status)).toEqual(Array(10).fill(401))
    app.db.sql.query = query
    expect(most).toBe(1)
  })
})

describe('a GraphQL request', () => {
  const ask = (apiKey: string, query: string) =>
    send(url(0, '/graphql'), { headers: { 'x-api-key': apiKey }, json: { query } })
  const fields = (count: number) => `{ ${Array.from({ length: count }, (_, i) => `a${i}: me { id }`).join(' ')} }`

  it('costs a token for each root field, all of them or none', async () => {
    const { tenantId, apiKey } = await three.tenant()
    expect(number(await ask(apiKey, fields(1)), 'x-ratelimit-remaining')).toBe(59)
    expect(number(await ask(apiKey, fields(15)), 'x-ratelimit-remaining')).toBe(44)
    await three.rows('update rate_bucket set used = 50 where key = $1', [tenantId])
    const refused = await ask(apiKey, fields(15))
    expect(refused.body.errors[0].extensions.code).toBe('rate_limited')
    expect(refused.body.data ?? null).toBeNull()
    expect(await three.rows('select used from rate_bucket where key = $1', [tenantId])).toEqual([{ used: 51 }])
    expect((await ask(apiKey, fields(9))).body.data.a8).toBeDefined()
    expect((await ask(apiKey, fields(1))).status).toBe(429)
  })

  it('over a WebSocket is charged too', async () => {
    const { tenantId, apiKey } = await three.tenant()
    const address = url(0, '/graphql').replace('http', 'ws')
    const client = createClient({ url: address, webSocketImpl: WebSocket, connectionParams: { apiKey }, lazy: false })
    const run = async (query: string) => {
      for await (const result of client.iterate({ query })) return result
      return null
    }
    expect(await run(fields(3))).toHaveProperty('data.a2')
    expect(await three.rows('select used from rate_bucket where key = $1', [tenantId])).toEqual([{ used: 4 }])
    await three.rows('update rate_bucket set used = 60 where key = $1', [tenantId])
    await expect(run('{ me { id } }')).rejects.toMatchObject([{ extensions: { code: 'rate_limited' } }])
    await client.dispose()
  })
})
