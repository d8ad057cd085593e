import { execFile } from 'node:child_process'
import { hostname } from 'node:os'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { setNodeDraining } from '../../src/resolvers/nodes/setNodeDraining.ts'
import { schema } from '../../src/schema/index.ts'
import { connectedInstance, type Json, openTestApp, type TestApp, until } from '../support/app.ts'
import { type Got, type Nodes, openNodes, send } from '../support/nodes.ts'
import { graphqlBody, graphqlOperations, MISSING, restOperations } from '../support/operations.ts'

const OPERATOR_KEY = 'the key of who runs these three servers'
const LIMIT = 50
const PATH = '/v1/observability/nodes'
const QUERY = '{ nodes { data { id host version startedAt beatAt lagMs state instances } } }'

let three: Nodes
beforeAll(async () => {
  three = await openNodes(3, { OPERATOR_KEY, RATE_LIMIT_PER_MINUTE: String(LIMIT) })
}, 60_000)
afterAll(() => three?.close())

/** Each test its own address: strangers are told apart by it. */
let addresses = 10
const anAddress = () => `127.0.2.${++addresses}`

const url = (node: number, path: string) => three.nodes[node]!.url + path
const rest = (headers: Record<string, string>, from?: string): Promise<Got> => send(url(0, PATH), { headers, from })
const graphql = (headers: Record<string, string>, query = QUERY, from?: string): Promise<Got> =>
  send(url(1, '/graphql'), { headers, json: { query }, from })
const operator = { 'x-api-key': OPERATOR_KEY }
const listed = async (): Promise<Json[]> => (await rest(operator)).body.data
const codeOf = ({ body }: Got): string => body.error?.code ?? body.errors[0].extensions.code
const ids = () => three.nodes.map(({ app }) => app.node.id)
const ready = async (node: number) => (await send(url(node, '/readyz'))).status

/** Each node has said so often more that it lives. */
async function beats(count: number): Promise<void> {
  const now = async () =>
    (await three.rows('select min(beats)::int as least from node where host <> $1', ['planted']))[0]
  const { least } = await now()
  await until(now, row => row.least >= least + count)
}

describe('GET /v1/observability/nodes', () => {
  it('tells the operator of each node: where it is, its version, since when, how late it is, what it has', async () => {
    const { apiKey } = await three.tenant()
    const owners = [0, 1, 1].map(node => ids()[node]!)
    for (const [i, owner] of owners.entries()) {
      const made = await send(url(2, '/v1/instances'), { headers: { 'x-api-key': apiKey }, json: { name: `i${i}` } })
      await three.rows('insert into instance_lease (instance_id, owner, epoch) values ($1, $2, 1)', [
        made.body.id,
        owner,
      ])
    }
    const { status, body } = await rest(operator)
    expect(status).toBe(200)
    const expected = ids().map((id, i) => ({
      id,
      host: hostname(),
      version: three.nodes[i]!.app.config.version,
      started_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]+\.\d{3}Z$/),
      beat_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]+\.\d{3}Z$/),
      lag_ms: expect.any(Number),
      state: 'active',
      instances: [1, 2, 0][i],
    }))
    expect(body).toEqual({ data: expected })
    expect(new Set(ids()).size).toBe(3)
    const [oldest] = body.data
    expect(Date.parse(oldest.beat_at)).toBeGreaterThanOrEqual(Date.parse(oldest.started_at))
    expect(oldest.lag_ms).toBeGreaterThanOrEqual(0)
    const asked = await graphql(operator)
    const told = asked.body.data.nodes.data
    expect(told.map(({ id, state, instances }: Json) => ({ id, state, instances }))).toEqual(
      body.data.map(({ id, state, instances }: Json) => ({ id, state, instances })),
    )
    expect(told[0]).toMatchObject({ startedAt: oldest.started_at, version: oldest.version, host: oldest.host })
  })

  it('says that a node is silent once its lease has run out by the clock of the database', async () => {
    await three.rows(
      `insert into node (id, host, process, connections, version, expires_at)
       values ('node_silent', 'planted', '', 'none', '', now() + interval '1 hour')`,
    )
    const planted = async () => (await listed()).find(({ id }) => id === 'node_silent')?.state
    expect(await planted()).toBe('active')
    // From here on the others wait for the length of a lease before they take it for dead.
    await beats(2)
    await three.rows(`update node set expires_at = now() - interval '1 ms', draining = true where id = 'node_silent'`)
    expect(await planted()).toBe('silent')
    await three.rows(`delete from node where id = 'node_silent'`)
  })

  it('is 403 for tenants, by key and by session, at both doors', async () => {
    const { tenantId, apiKey } = await three.tenant()
    const { cookie } = await three.session(tenantId)
    for (const headers of [{ 'x-api-key': apiKey }, { cookie }] as Record<string, string>[]) {
      const got = await rest(headers)
      expect([got.status, got.body.error]).toEqual([
        403,
        { code: 'forbidden', message: 'This is for the operator of this server only', details: {} },
      ])
      const asked = await graphql(headers)
      expect([codeOf(asked), asked.body.data ?? null]).toEqual(['forbidden', null])
    }
  })

  it('is 401 for strangers, and for a key that is nearly right, which is charged as a stranger’s', async () => {
    const from = anAddress()
    const wrong = [OPERATOR_KEY.slice(0, -1), `${OPERATOR_KEY}x`, OPERATOR_KEY.toUpperCase(), '0'.repeat(64)]
    for (const headers of [{}, ...wrong.map(key => ({ 'x-api-key': key }))]) {
      for (const got of [await rest(headers, from), await graphql(headers, QUERY, from)]) {
        expect([codeOf(got), got.body.data ?? null]).toEqual(['unauthorized', null])
      }
    }
    // What the first node has counted, which answers REST here.
    const last = await rest({ 'x-api-key': wrong[0]! }, from)
    expect([last.status, last.headers['x-ratelimit-remaining']]).toEqual([401, String(LIMIT - 6)])
  })

  it('is described, as for the operator only', async () => {
    const { body } = await send(url(0, '/v1/openapi.json'))
    const { get } = body.paths[PATH]
    expect([get.tags, get.security]).toEqual([['Observability'], [{ operator: [] }]])
    expect(Object.keys(get.responses)).toEqual(expect.arrayContaining(['200', '401', '403', '429']))
    expect(body.components.securitySchemes.operator).toMatchObject({ in: 'header', name: 'X-API-Key' })
  })
})

describe('the key of the operator', () => {
  it('opens nothing else: every other operation is 401, at both doors and over WebSocket', async () => {
    const { body: document } = await send(url(0, '/v1/openapi.json'))
    const isOpen = ({ method, path }: { method: string; path: string }) => {
      const described = Object.entries<Json>(document.paths).find(([template]) =>
        new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}$`).test(path.split('?')[0]!),
      )![1][method.toLowerCase()]
      return described.security?.length === 0
    }
    const opened: string[] = []
    let tried = 0
    const open = new Set(['nodes'])
    for (const { name, request } of restOperations(document)) {
      const { method, path, body } = request(MISSING)
      if (isOpen({ method, path })) open.add(name)
      if (open.has(name)) continue
      tried++
      const got = await send(url(0, path), { method, headers: operator, json: body })
      if (got.status !== 401) opened.push(`${method} ${path}: ${got.status}`)
    }
    for (const { name, request } of graphqlOperations(schema)) {
      if (open.has(name)) continue
      tried++
      const asked = request(MISSING)
      const { headers, body } = graphqlBody(asked)
      const accept = asked.isStream ? 'text/event-stream' : 'application/json'
      const answer = await fetch(url(0, '/graphql'), {
        method: 'POST',
        headers: { ...headers, ...operator, accept },
        body,
        signal: AbortSignal.timeout(10_000),
      })
      const text = await answer.text()
      if (!/"code":"unauthorized"/.test(text) || /"data":\{"\w+":(?!null)/.test(text)) opened.push(`${name}: ${text}`)
    }
    expect(opened).toEqual([])
    expect(tried).toBeGreaterThan(80)
    const { promise, resolve } = Promise.withResolvers<number>()
    const socket = new WebSocket(url(0, '/graphql').replace('http', 'ws'), 'graphql-transport-ws')
    socket.onopen = () => socket.send(JSON.stringify({ type: 'connection_init', payload: { apiKey: OPERATOR_KEY } }))
    socket.onclose = ({ code }) => resolve(code)
    expect(await promise).toBe(4401)
  }, 60_000)

  it('is let in where the allowance of strangers is spent, and costs nothing, many operations at once neither', async () => {
    const from = anAddress()
    for (let i = 0; i < LIMIT; i++) await send(url(0, '/v1/openapi.json'), { from })
    expect((await send(url(0, '/v1/openapi.json'), { from })).status).toBe(429)
    const got = await rest(operator, from)
    expect([got.status, got.headers['x-ratelimit-remaining']]).toEqual([200, '0'])
    const fields = Array.from({ length: 30 }, (_, i) => `a${i}: nodes { data { id } }`)
    for (let i = 0; i < 3; i++) {
      const { body } = await graphql(operator, `{ ${fields.join(' ')} }`, from)
      expect(Object.keys(body.data)).toHaveLength(fields.length)
    }
    expect(await three.rows('select * from rate_bucket where used > $1', [LIMIT])).toEqual([])
  })

  it('is nobody’s where none is set', async () => {
    const wataki: TestApp = await openTestApp({ SANDBOX: 'off' })
    try {
      for (const key of [OPERATOR_KEY, 'null', 'undefined', ' ']) {
        expect((await send(wataki.url + PATH, { headers: { 'x-api-key': key } })).status).toBe(401)
      }
    } finally {
      await wataki.close()
    }
  })
})

describe('wataki nodes', () => {
  const cli = async (...words: string[]) => {
    const { databaseUrl, dataDir } = three.nodes[0]!.app.config
    const env = { PATH: process.env.PATH, DATABASE_URL: databaseUrl!, DATA_DIR: dataDir }
    return (await promisify(execFile)(process.execPath, ['src/cli.ts', ...words], { env })).stdout
  }

  it('prints what the REST answer says, without a key and in one line', async () => {
    const stdout = await cli('nodes')
    expect(stdout.trim().split('\n')).toHaveLength(1)
    // A node says each second that it lives.
    const still = ({ beat_at, lag_ms, ...node }: Json) => ({ ...node, kinds: [typeof beat_at, typeof lag_ms] })
    const { data } = JSON.parse(stdout)
    const answered = await listed()
    expect(data.map(still)).toEqual(answered.map(still))
    expect(Object.keys(data[0])).toEqual(Object.keys(answered[0]))
    expect(Number.isNaN(Date.parse(data[0].beat_at))).toBe(false)
  })

  it('drain makes one node unready within seconds and leaves the others, and undrain takes that back', async () => {
    const [first, id, third] = ids()
    expect(JSON.parse(await cli('nodes', 'drain', '--id', id!))).toEqual({ node_id: id, state: 'draining' })
    await until(
      () => ready(1),
      status => status === 503,
      5_000,
    )
    expect((await send(url(1, '/readyz'))).body.error.message).toBe('draining')
    expect([await ready(0), await ready(2)]).toEqual([200, 200])
    const states = Object.fromEntries((await listed()).map(node => [node.id, node.state]))
    expect(states).toEqual({ [first!]: 'active', [id!]: 'draining', [third!]: 'active' })
    expect(JSON.parse(await cli('nodes', 'undrain', '--id', id!))).toEqual({ node_id: id, state: 'active' })
    await until(
      () => ready(1),
      status => status === 200,
      5_000,
    )
  })

  it('drain and undrain need an id, of a node that there is', async () => {
    for (const verb of ['drain', 'undrain']) {
      const unknown = cli('nodes', verb, '--id', 'node_none')
      await expect(unknown).rejects.toMatchObject({ code: 1, stdout: '', stderr: 'wataki: node not found\n' })
      const nameless = cli('nodes', verb)
      await expect(nameless).rejects.toMatchObject({ code: 2, stderr: `wataki: nodes ${verb} needs --id\n` })
    }
  })
})

describe('a node that drains', () => {
  it('keeps its instances while it is the only one, hands them over when there is another, and has them back after its end', async () => {
    const wataki = await openTestApp()
    try {
      const { sql } = wataki.app.db
      const { id } = wataki.app.node
      const acme = await wataki.tenant()
      const path = `/v1/instances/${await connectedInstance(acme)}`
      const owner = async () => (await sql.query<{ owner: string }>('select owner from instance_lease'))[0]!.owner
      const state = async () => (await acme.get(path)).body.status.state
      const beaten = async () => (await sql.query<{ beats: string }>('select beats from node where id = $1', [id]))[0]!
      const readiness = async () => (await send(`${wataki.url}/readyz`)).status

      await setNodeDraining(wataki.app, { id, draining: true })
      await until(readiness, status => status === 503, 5_000)
      const { beats } = await beaten()
      await until(beaten, row => Number(row.beats) >= Number(beats) + 3)
      expect([await owner(), await state()]).toEqual([id, 'connected'])

      // Its lease is kept for as long as its socket takes to close: whoever has it connects at once.
      const { release } = wataki.app.whatsapp
      const [closing, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      wataki.app.whatsapp.release = async instanceId => {
        closing.resolve()
        await goOn.promise
        return release(instanceId)
      }
      await sql.query(
        `insert into node (id, host, process, connections, version, expires_at)
         values ('other', '', '', 'none', '', now() + interval '1 hour')`,
      )
      await closing.promise
      const meanwhile = await owner()
      goOn.resolve()
      expect(meanwhile).toBe(id)
      await until(owner, owner => owner === '', 5_000)
      await sql.query(`delete from node where id = 'other'`)
      await until(owner, owner => owner === id, 5_000)
      await until(state, state => state === 'connected')
      const sent = await acme.post(`${path}/messages`, {
        chat_id: '5511900000001',
        type: 'text',
        content: { text: 'still here' },
      })
      expect(sent.status).toBe(202)
      await setNodeDraining(wataki.app, { id, draining: false })
      await until(readiness, status => status === 200, 5_000)
    } finally {
      await wataki.close()
    }
  }, 60_000)

  it('hands over five at most from one beat to the next', async () => {
    const MOVES = 5
    const wataki = await openTestApp()
    try {
      const { sql } = wataki.app.db
      const { node } = wataki.app
      const acme = await wataki.tenant()
      const names = Array.from({ length: MOVES + 1 }, (_, n) => `bot ${n}`)
      for (const name of names) await connectedInstance(acme, name)
      const kept = async () => {
        // However long it takes, the other one lives.
        await sql.query(`update node set beats = beats + 1 where id = 'other'`)
        return (await sql.query('select 1 from instance_lease where owner = $1', [node.id])).length
      }
      let beats = 0
      // There is what this second allows, and from then on nothing more.
      const { allowMoves } = node
      allowMoves.call(node)
      node.allowMoves = () => void beats++
      await setNodeDraining(wataki.app, { id: node.id, draining: true })
      await sql.query(
        `insert into node (id, host, process, connections, version, expires_at)
         values ('other', '', '', 'none', '', now() + interval '1 hour')`,
      )
      await until(kept, count => count <= 1)
      const before = beats
      await until(kept, () => beats >= before + 3)
      expect(await kept()).toBe(1)
      node.allowMoves = allowMoves
      await until(kept, count => count === 0)
    } finally {
      await wataki.close()
    }
  }, 120_000)
})

describe('instances of nobody', () => {
  it('are left to the node whose share they are, and not for long: it may be frozen', async () => {
    const wataki = await openTestApp()
    try {
      const acme = await wataki.tenant()
      for (const name of ['bot 0', 'bot 1', 'bot 2', 'bot 3']) await connectedInstance(acme, name)
      await wataki.app.db.sql.query(
        `insert into node (id, host, process, connections, version, expires_at)
         values ('other', '', '', 'none', '', now() + interval '1 hour')`,
      )
      await wataki.restart()
      const { sql } = wataki.app.db
      const taken = async () => {
        // As the others see it, it lives.
        await sql.query(`update node set beats = beats + 1 where id = 'other'`)
        return (await sql.query('select 1 from instance_lease where owner = $1', [wataki.app.node.id])).length
      }
      expect(await taken()).toBe(2)
      await until(taken, count => count === 4)
      // Not handed to the other one, which takes nothing.
      const [{ beats }] = (await sql.query('select beats::int from node where id = $1', [wataki.app.node.id])) as [Json]
      const now = async () => ({
        taken: await taken(),
        ...((await sql.query('select beats::int from node where id = $1', [wataki.app.node.id]))[0] as Json),
      })
      expect(await until(now, row => row.beats >= beats + 3)).toMatchObject({ taken: 4 })
      expect(await sql.query(`select 1 from node where id = 'other'`)).toHaveLength(1)
    } finally {
      await wataki.close()
    }
  }, 60_000)
})

describe('a node that ends', () => {
  it('has each instance until its socket is closed, and is there until it has none', async () => {
    const wataki = await openTestApp()
    const { app } = wataki
    const acme = await wataki.tenant()
    for (const name of ['bot 0', 'bot 1']) await connectedInstance(acme, name)
    const { release } = app.whatsapp
    const [closing, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let left = 2
    app.whatsapp.release = async instanceId => {
      if (--left === 0) closing.resolve()
      await goOn.promise
      return release(instanceId)
    }
    const ended = wataki.close()
    await closing.promise
    const leases = await app.db.sql.query(
      'select from instance_lease join node on node.id = owner where owner = $1 and draining',
      [app.node.id],
    )
    goOn.resolve()
    await ended
    expect(leases).toHaveLength(2)
  }, 60_000)
})
