import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { tidyFirstAnswersDue } from '../../src/resolvers/once.ts'
import { connectedInstance, type Json, openTestApp, until } from '../support/app.ts'
import { socketClient } from '../support/graphql.ts'
import { type Got, type Nodes, openNodes, send } from '../support/nodes.ts'

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

interface Call {
  key?: string | undefined
  node?: number
  method?: string
  by?: string
}

const ask = (path: string, json: unknown, { key, node = 0, method = 'POST', by = apiKey }: Call = {}): Promise<Got> =>
  send(three.nodes[node]!.url + path, {
    method,
    json,
    headers: { 'x-api-key': by, ...(key !== undefined && { 'idempotency-key': key }) },
  })
const create = (json: unknown, call?: Call) => ask('/v1/instances', json, call)
const createKey = (json: unknown, call?: Call) => ask('/v1/auth/api-keys', json, call)
const replayed = ({ headers }: Got) => headers['idempotency-replayed']
const code = ({ body }: Got) => body.error.code
const rows = (text: string, params: unknown[] = [tenantId]) => three.rows(text, params)
const instances = () => rows('select id, name from instance where tenant_id = $1 order by id')
const apiKeys = () => rows('select id from api_key where tenant_id = $1 order by id offset 1')

/** Keeps operations that make API keys waiting before they have done anything, until it is called. */
async function hold(): Promise<() => Promise<void>> {
  const held = Promise.withResolvers<void>()
  const end = Promise.withResolvers<void>()
  const over = three.nodes[0]!.app.db.transaction(async sql => {
    await sql.query('select 1 from tenant where id = $1 for no key update', [tenantId])
    held.resolve()
    await end.promise
  })
  await held.promise
  return () => {
    end.resolve()
    return over
  }
}

const claimed = () =>
  until(
    () => rows('select claimed_by from first_answer where tenant_id = $1 and result is null'),
    found => found.length === 1,
  )
/** As if the process that has it were gone for long. */
const age = () => rows(`update first_answer set claimed_until = now() - interval '1 ms' where tenant_id = $1`)

describe('the same Idempotency-Key and body', () => {
  it('get the first answer again, on every node and however its fields stand, and nothing is done twice', async () => {
    const first = await create({ name: 'bot', config: { emit_raw: true, download_media: false } }, { key: 'k' })
    expect([first.status, replayed(first)]).toEqual([201, undefined])
    for (const node of [0, 1, 2]) {
      const json = { config: { download_media: false, emit_raw: true }, name: 'bot' }
      const again = await create(json, { key: 'k', node })
      expect([again.status, again.text, replayed(again)]).toEqual([201, first.text, 'true'])
    }
    expect(await instances()).toHaveLength(1)
    const other = await create({ name: 'other' }, { key: 'another key' })
    expect([other.status, replayed(other)]).toEqual([201, undefined])
  })

  it('get it through GraphQL too, by header, by extension and over WebSocket, though the fields asked for differ', async () => {
    const first = await create({ name: 'bot' }, { key: 'k' })
    const query = 'mutation { createInstance(input: { name: "bot" }) { id name createdAt status { state } } }'
    const expected = {
      id: first.body.id,
      name: 'bot',
      createdAt: first.body.created_at,
      status: { state: 'disconnected' },
    }
    const byHeader = await ask('/graphql', { query }, { key: 'k', node: 1 })
    expect([byHeader.body.data.createInstance, replayed(byHeader)]).toEqual([expected, 'true'])
    const byExtension = await ask('/graphql', { query, extensions: { idempotencyKey: 'k' } }, { node: 2 })
    expect([byExtension.body.data.createInstance, replayed(byExtension)]).toEqual([expected, 'true'])
    const client = socketClient(three.nodes[0]!.url, apiKey)
    const over: Json[] = []
    for await (const each of client.iterate({ query, extensions: { idempotencyKey: 'k' } })) over.push(each)
    await client.dispose()
    expect(over).toEqual([{ data: { createInstance: expected } }])
    expect(await instances()).toHaveLength(1)
  })

  it('show a secret again that was to be seen once, which stands in no table', async () => {
    const first = await createKey({ name: 'ci' }, { key: 'k' })
    const again = await createKey({ name: 'ci' }, { key: 'k', node: 1 })
    expect([again.status, again.text]).toEqual([201, first.text])
    expect(await apiKeys()).toEqual([{ id: first.body.id }])
    const secret = Buffer.from(first.body.api_key)
    const [{ result }] = (await rows('select result from first_answer where tenant_id = $1')) as [{ result: Buffer }]
    for (const form of [secret.toString('latin1'), secret.toString('hex'), secret.toString('base64')]) {
      expect(result.includes(form)).toBe(false)
    }
    expect(result.includes(Buffer.from(first.body.api_key, 'hex'))).toBe(false)
    // In the place of another key it opens for nobody.
    await rows(`update first_answer set key = 'moved' where tenant_id = $1`)
    expect((await createKey({ name: 'ci' }, { key: 'moved' })).status).toBe(500)
  })

  it('are another tenant’s own affair', async () => {
    const other = await three.tenant()
    const [mine, theirs] = [
      await create({ name: 'bot' }, { key: 'k' }),
      await create({ name: 'x' }, { key: 'k', by: other.apiKey }),
    ]
    expect([theirs.status, replayed(theirs)]).toEqual([201, undefined])
    expect(theirs.body.id).not.toBe(mine.body.id)
  })

  it('are forgotten after 24 hours, and then run again', async () => {
    await create({ name: 'bot' }, { key: 'k' })
    const [kept] = await rows(
      `select extract(epoch from expires_at - created_at)::int as seconds from first_answer where tenant_id = $1`,
    )
    expect(kept.seconds).toBe(86_400)
    await rows(`update first_answer set expires_at = now() - interval '1 s' where tenant_id = $1`)
    expect((await create({ name: 'next' }, { key: 'k' })).status).toBe(201)
    await rows(`update first_answer set expires_at = now() - interval '1 s' where tenant_id = $1`)
    await tidyFirstAnswersDue(three.nodes[0]!.app)
    expect(await rows('select key from first_answer where tenant_id = $1')).toEqual([])
  })
})

describe('the key', () => {
  it('with another body, another route or another operation is 409 idempotency_conflict', async () => {
    await create({ name: 'bot' }, { key: 'k' })
    const query = 'mutation { createApiKey(input: { name: "bot" }) { id } }'
    for (const got of [await create({ name: 'tob' }, { key: 'k' }), await createKey({ name: 'bot' }, { key: 'k' })]) {
      expect([got.status, code(got), replayed(got)]).toEqual([409, 'idempotency_conflict', undefined])
    }
    const { body } = await ask('/graphql', { query }, { key: 'k' })
    expect(body.errors[0].extensions.code).toBe('idempotency_conflict')
    expect([(await instances()).length, (await apiKeys()).length]).toEqual([1, 0])
  })

  it('has 1 to 255 characters of printable ASCII, and is not looked at where nothing is made', async () => {
    for (const key of ['', 'x'.repeat(256), 'caf\u00e9', 'tab\there']) {
      const got = await create({ name: 'bot' }, { key })
      expect([key, got.status, got.body.error.details]).toEqual([
        key,
        400,
        { 'Idempotency-Key': 'must be 1 to 255 characters of printable ASCII' },
      ])
      expect(got.body.error.message).toMatch(/^Idempotency-Key must be/)
    }
    const query = 'mutation { createInstance(input: { name: "bot" }) { id } }'
    const typed = await ask('/graphql', { query, extensions: { idempotencyKey: 1 } })
    expect(typed.body.errors[0].extensions.details).toHaveProperty('Idempotency-Key')
    expect(await instances()).toEqual([])
    const { body } = await create({ name: 'bot' }, { key: '!'.padEnd(255, '~') })
    const renamed = (name: string) => ask(`/v1/instances/${body.id}`, { name }, { key: '', method: 'PATCH' })
    expect([(await renamed('a')).body.name, (await renamed('b')).body.name]).toEqual(['a', 'b'])
  })

  it('goes with one operation of a GraphQL request: with two it is 400, and neither runs', async () => {
    const make = (alias: string) => `${alias}: createInstance(input: { name: "${alias}" }) { id }`
    const two = await ask('/graphql', { query: `mutation { ${make('a')} ${make('b')} }` }, { key: 'k' })
    expect([two.body.errors[0].extensions.code, two.body.errors[0].extensions.details]).toEqual([
      'validation_error',
      { 'Idempotency-Key': 'must go with one operation that creates or sends' },
    ])
    expect(await instances()).toEqual([])
    const missing = 'deleteInstance(instanceId: "inst_01m84k41q5bzehev0j4g4kfb1t")'
    await ask('/graphql', { query: `mutation { ${make('a')} ${missing} }` }, { key: 'k' })
    expect(await instances()).toHaveLength(1)
  })

  it('is free again when the operation failed: a mistake can be mended under it', async () => {
    const taken = await create({ name: 'taken' })
    expect((await create({ nam: 'x' }, { key: 'k' })).status).toBe(400)
    expect(code(await create({ name: 'taken' }, { key: 'k' }))).toBe('duplicate')
    await ask(`/v1/instances/${taken.body.id}`, { name: 'renamed' }, { method: 'PATCH' })
    const good = await create({ name: 'taken' }, { key: 'k' })
    expect([good.status, replayed(good)]).toEqual([201, undefined])
  })
})

describe('a second call while the first is under way', () => {
  it('waits for its answer', async () => {
    const letGo = await hold()
    const first = createKey({ name: 'ci' }, { key: 'k' })
    await claimed()
    const second = createKey({ name: 'ci' }, { key: 'k', node: 1 })
    const soon = await Promise.race([second, new Promise(resolve => setTimeout(() => resolve('waits'), 300))])
    expect(soon).toBe('waits')
    await letGo()
    const [one, two] = await Promise.all([first, second])
    expect([one.status, two.status, two.text]).toEqual([201, 201, one.text])
    expect([replayed(one), replayed(two)]).toEqual([undefined, 'true'])
    expect(await apiKeys()).toHaveLength(1)
  })

  it('waits no longer than 10 s, and then is told when to try again', async () => {
    const letGo = await hold()
    const first = createKey({ name: 'ci' }, { key: 'k' })
    await claimed()
    const beganMs = performance.now()
    const second = await createKey({ name: 'ci' }, { key: 'k', node: 1 })
    const tookMs = performance.now() - beganMs
    expect([second.status, code(second)]).toEqual([409, 'idempotency_conflict'])
    expect(Number(second.headers['retry-after'])).toBeGreaterThanOrEqual(1)
    expect(Number(second.headers['retry-after'])).toBeLessThanOrEqual(20)
    expect(tookMs).toBeGreaterThan(9000)
    expect(tookMs).toBeLessThan(11_500)
    await letGo()
    expect((await first).status).toBe(201)
  })

  it('runs by itself when the first one fails', async () => {
    await create({ name: 'taken' })
    const both = await Promise.all([0, 1].map(node => create({ name: 'taken' }, { key: 'k', node })))
    expect(both.map(code)).toEqual(['duplicate', 'duplicate'])
  })
})

describe('when the process of the first call dies', () => {
  it('before its commit, the next call runs it once the claim is old; the first, were it alive after all, does nothing', async () => {
    const letGo = await hold()
    const first = createKey({ name: 'ci' }, { key: 'k' })
    const [{ claimed_by: before }] = await claimed()
    await age()
    const second = createKey({ name: 'ci' }, { key: 'k', node: 1 })
    await until(claimed, ([claim]) => claim!.claimed_by !== before)
    await letGo()
    const [one, two] = await Promise.all([first, second])
    expect([one.status, code(one)]).toEqual([409, 'idempotency_conflict'])
    expect([two.status, replayed(two)]).toEqual([201, undefined])
    expect(await apiKeys()).toEqual([{ id: two.body.id }])
    expect((await createKey({ name: 'ci' }, { key: 'k' })).text).toBe(two.text)
  })

  it('after its commit, the next call gets what was committed', async () => {
    const first = await create({ name: 'bot' }, { key: 'k' })
    await rows(
      `update first_answer set claimed_by = 'dead', claimed_until = now() + interval '1 s' where tenant_id = $1`,
    )
    const beganMs = performance.now()
    const second = await create({ name: 'bot' }, { key: 'k', node: 1 })
    expect([second.status, second.text, replayed(second)]).toEqual([201, first.text, 'true'])
    expect(performance.now() - beganMs).toBeGreaterThan(800)
  })
})

describe('a send', () => {
  it('is answered again as it was at first, with the ack that came after its commit', { timeout: 60_000 }, async () => {
    const wataki = await openTestApp()
    try {
      const caller = await wataki.tenant()
      const path = `/v1/instances/${await connectedInstance(caller)}/messages`
      const json = { chat_id: '5511999990001', type: 'text', content: { text: 'once' } }
      const [first, meanwhile] = await Promise.all(
        [0, 1].map(() => caller.post(path, json, { 'idempotency-key': 'k' })),
      )
      expect([first!.status, first!.body.status]).toEqual([202, 'sent'])
      expect(meanwhile!.body).toEqual(first!.body)
      const later = () => caller.get(`${path}/${first!.body.id}`)
      await until(later, ({ body }) => body.status === 'delivered' || body.status === 'read')
      const again = await caller.post(path, json, { 'idempotency-key': 'k' })
      expect([again.status, again.body]).toEqual([202, first!.body])
      const shown = await caller.get(`${path.replace('/messages', '')}/sandbox/messages?contact=5511999990001`)
      expect(shown.body.data.filter((each: Json) => each.content.text === 'once')).toHaveLength(1)
    } finally {
      await wataki.close()
    }
  })
})

describe('many clients with the same keys on several nodes', () => {
  const CLIENTS = 20
  const KEYS = 40
  const seed = Math.floor(Math.random() * 1e9)

  /** Of two bodies one wins: it is done once, everybody who sent it has its answer, and the other is a conflict. */
  it('have one winner for each key, whose result all others get, or 409', { timeout: 120_000 }, async () => {
    let state = seed
    const random = (below: number) => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
      return Math.floor((state / 2_147_483_648) * below)
    }
    const answers = new Map<string, { body: string; got: Got }[]>()
    const client = async () => {
      const order = Array.from({ length: KEYS }, (_, n) => n).sort(() => random(3) - 1)
      for (const n of order) {
        const key = `key ${n}`
        const body = `bot ${n}${random(5) === 0 ? ' b' : ''}`
        const got = await create({ name: body }, { key, node: random(3) })
        answers.set(key, [...(answers.get(key) ?? []), { body, got }])
      }
    }
    await Promise.all(Array.from({ length: CLIENTS }, client))
    for (const [key, all] of answers) {
      const why = `seed ${seed}, ${key}`
      const winners = all.filter(({ got }) => got.status === 201 && !replayed(got))
      expect(winners, why).toHaveLength(1)
      const [{ body, got: won }] = winners as [{ body: string; got: Got }]
      for (const each of all) {
        if (each.body === body) expect([each.got.status, each.got.text], why).toEqual([201, won.text])
        else expect([each.got.status, code(each.got)], why).toEqual([409, 'idempotency_conflict'])
      }
    }
    expect(await instances()).toHaveLength(KEYS)
  })
})
