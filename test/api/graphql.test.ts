import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { auditServer } from 'graphql-http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Caller, type Json, openTestApp, type TestApp } from '../support/app.ts'
import { partsOf, results, socketClient } from '../support/graphql.ts'

let wataki: TestApp
let acme: Caller

beforeAll(async () => {
  wataki = await openTestApp({ RATE_LIMIT_PER_MINUTE: '100000000' })
  acme = await wataki.tenant()
  for (let i = 0; i < 5; i++) await acme.post('/v1/instances', { name: `listed ${i}`, sandbox: true })
})
afterAll(() => wataki.close())

const post = async (query: string, headers: Record<string, string> = {}) => {
  const response = await fetch(`${wataki.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': acme.apiKey, ...headers },
    body: JSON.stringify({ query }),
  })
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() }
}

const many = (count: number, part: (i: number) => string) => Array.from({ length: count }, (_, i) => part(i)).join(' ')
const nested = (depth: number) => `{ instances { ${'data { '.repeat(depth)}id${' }'.repeat(depth)} } }`
const halving = (levels: number) =>
  `{ instances { ...F0 } } ${many(levels, i => `fragment F${i} on InstancePage { ...F${i + 1} x: data { id } ...F${i + 1} }`)}
   fragment F${levels} on InstancePage { data { id name } }`

/** Each names the limit that it runs into; null: one of the rules of GraphQL itself. */
const HOSTILE: [string, string | null, () => string][] = [
  ['2,000 aliases', 'tokens', () => `{ ${many(2000, i => `a${i}: __typename`)} }`],
  ['500 aliases', 'aliases', () => `{ ${many(500, i => `a${i}: __typename`)} }`],
  ['a depth of 500', 'depth', () => nested(500)],
  ['5,000 directives', 'tokens', () => `{ __typename ${many(5000, () => '@skip(if: true)')} }`],
  ['200 directives', 'directives', () => `{ __typename ${many(200, () => '@skip(if: true)')} }`],
  ['200,000 fields', 'tokens', () => `{ ${many(200_000, () => 'a')} }`],
  ['1,900 equal fields', null, () => `{ instances(limit: 1) { ${many(1900, () => 'data')} } }`],
  ['lists of lists', 'cost', () => `{ ${many(4, i => `a${i}: instances(limit: 200) { data { ${FIELDS} } }`)} }`],
  ['a page of a million', 'cost', () => '{ instances(limit: 1000000) { data { id } } }'],
  ['fragments that double 20 times', 'cost', () => halving(20)],
  [
    'cyclic fragments',
    null,
    () => '{ instances { ...A } } fragment A on InstancePage { ...B } fragment B on InstancePage { ...A }',
  ],
  [
    'a fragment that holds itself',
    null,
    () => '{ instances { ...A } } fragment A on InstancePage { data { id } ...A ...A }',
  ],
  [
    'deep introspection',
    null,
    () => `{ __schema { types { ${'fields { type { '.repeat(9)}name${' } }'.repeat(9)} } } }`,
  ],
]

const FIELDS =
  'id name description status { state lastError updatedAt } phoneNumber config { autoReconnect downloadMedia emitRaw } sandbox createdAt updatedAt'

describe('a document that asks for too much', () => {
  it.each(HOSTILE)('is refused, and told why: %s', async (_, limit, document) => {
    const { status, text } = await post(document(), { accept: 'application/graphql-response+json' })
    expect(status).toBe(400)
    const [error] = JSON.parse(text).errors
    expect(error.extensions.code).toBe('validation_error')
    if (limit === null) expect(error.extensions.details).toEqual({})
    else expect(error.extensions.details[limit]).toMatch(/^must be at most \d+/)
    expect(text).not.toContain('"data"')
  })

  it('is refused within 50 ms, and leaves less than 10 MB on the heap', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    for (const [name, , document] of HOSTILE) {
      const text = document()
      let bestMs = Number.POSITIVE_INFINITY
      collect()
      const before = process.memoryUsage().heapUsed
      for (let i = 0; i < 8; i++) {
        // Of the processor: what else the machine does is not counted.
        const start = process.cpuUsage()
        await post(text)
        const { user, system } = process.cpuUsage(start)
        bestMs = Math.min(bestMs, (user + system) / 1000)
      }
      collect()
      expect(bestMs, name).toBeLessThan(50)
      expect(process.memoryUsage().heapUsed - before, name).toBeLessThan(10 * 1024 * 1024)
    }
  })

  it('is refused over WebSocket just so, and the socket goes on', async () => {
    const client = socketClient(wataki.url, acme.apiKey)
    for (const [name, limit, document] of HOSTILE) {
      if (document().length > 900_000) continue
      const refused = await results(client, document()).catch(errors => errors)
      expect(refused[0].extensions.code, name).toBe('validation_error')
      if (limit !== null) expect(Object.keys(refused[0].extensions.details), name).toContain(limit)
    }
    expect((await results(client, '{ __typename }'))[0].data).toEqual({ __typename: 'Query' })
    await client.dispose()
  })

  it('does not include what people ask for: whole pages, thirty aliases, introspection', async () => {
    const content = 'content { ... on TextContent { text } ... on UnsupportedContent { kind } }'
    for (const query of [
      `{ instances(limit: 200) { data { ${FIELDS} } page { nextCursor } } }`,
      `{ ${many(30, i => `a${i}: instances(limit: 1) { page { nextCursor } }`)} }`,
      `{ __schema { types { name fields { name args { name type { kind ofType { kind ofType { kind name } } } } } } } }`,
      'query($limit: Int = 200) { instances(limit: $limit) { data { id name status { state } } } }',
    ]) {
      const answer = JSON.parse((await post(query)).text)
      expect([query, answer.errors]).toEqual([query, undefined])
    }
    const messages = `{ messages(instanceId: "x", chatId: "5511999999999", limit: 200) { data { id instanceId chatId lid phoneNumber sender direction type status ${content} timestamp error { code message } } } }`
    expect(JSON.parse((await post(messages)).text).errors[0].extensions.code).toBe('not_found')
  })

  it('may not hide the size of its pages in a variable', async () => {
    const query = 'query($limit: Int) { instances(limit: $limit) { data { id } } }'
    const answer = await acme.graphql(query, { limit: 1_000_000 })
    expect(Object.keys(answer.errors[0].extensions.details)).toEqual(['cost'])
  })
})

describe('the GraphQL over HTTP specification', () => {
  it('holds: every audit of graphql-http passes', async () => {
    const fetchFn = (url: string, init: RequestInit = {}) =>
      fetch(url, { ...init, headers: { ...(init.headers as Record<string, string>), 'x-api-key': acme.apiKey } })
    const audits = await auditServer({ url: `${wataki.url}/graphql`, fetchFn })
    const failed = audits.flatMap(audit => (audit.status === 'ok' ? [] : [`${audit.status} ${audit.id} ${audit.name}`]))
    expect(audits.length).toBeGreaterThanOrEqual(60)
    expect(failed).toEqual([])
    await Promise.all(audits.map(audit => 'response' in audit && audit.response.body?.cancel()))
  })
})

describe('incremental delivery', () => {
  const multipart = { accept: 'multipart/mixed' }

  it('sends what is deferred after the rest, in parts', async () => {
    const { type, text } = await post('{ instances { data { id ... @defer { name } } } }', multipart)
    expect(type).toContain('multipart/mixed')
    const [first, ...later] = partsOf(text)
    expect(first.hasNext).toBe(true)
    expect(first.data.instances.data[0]).toEqual({ id: expect.any(String) })
    const patches = later.flatMap(part => part.incremental ?? [])
    expect(patches.map((patch: Json) => patch.data.name).sort()).toEqual(
      Array.from({ length: 5 }, (_, i) => `listed ${i}`),
    )
    expect(later.at(-1).hasNext).toBe(false)
  })

  it('streams lists, the first of them with the rest', async () => {
    const { text } = await post('{ instances { data @stream(initialCount: 2) { name } } }', multipart)
    const [first, ...later] = partsOf(text)
    expect(first.data.instances.data).toHaveLength(2)
    expect(later.flatMap(part => part.incremental ?? []).flatMap((patch: Json) => patch.items)).toHaveLength(3)
  })

  it('reaches WebSockets too', async () => {
    const client = socketClient(wataki.url, acme.apiKey)
    const all = await results(client, '{ instances { data { id ... @defer { name } } } }')
    expect(all.length).toBeGreaterThan(1)
    expect(JSON.stringify(all)).toContain('listed 4')
    await client.dispose()
  })
})

describe('a list of 50 with every nested field', () => {
  const counted = async (work: () => Promise<unknown>): Promise<number> => {
    const start = statements
    await work()
    return statements - start
  }

  it('takes at most 10 statements, over GraphQL and REST', async () => {
    const { pool } = wataki.app.db
    pool.on('connect', countStatements)
    // Those that exist already.
    for (const client of (pool as unknown as { _clients: object[] })._clients) countStatements(client)
    const owner = await wataki.tenant()
    for (let i = 0; i < 50; i++) await owner.post('/v1/instances', { name: `i${i}` })
    let rows = 0
    const graphql = await counted(async () => {
      rows = (await owner.graphql(`{ instances(limit: 50) { data { ${FIELDS} } page { nextCursor } } }`)).data.instances
        .data.length
    })
    expect(rows).toBe(50)
    const rest = await counted(() => owner.get('/v1/instances?limit=50'))
    expect(
      [graphql, rest].every(taken => taken >= 1 && taken <= 10),
      `${graphql} and ${rest}`,
    ).toBe(true)
  })
})

let statements = 0

function countStatements(client: object): void {
  const counted = client as { query: (...args: unknown[]) => unknown }
  const { query } = counted
  counted.query = function (this: unknown, ...args) {
    statements++
    return query.apply(this, args)
  }
}
