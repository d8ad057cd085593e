import { request } from 'node:http'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { type Json, until } from '../support/app.ts'
import { type Nodes, openNodes, send } from '../support/nodes.ts'

let nodes: Nodes
const PARTNER = 'https://partner.example'
beforeAll(async () => {
  nodes = await openNodes(2, { RATE_LIMIT_PER_MINUTE: '1000000', CORS_ORIGINS: PARTNER })
})
afterAll(() => nodes.close())

const at = (path: string, node = 0) => nodes.nodes[node]!.url + path
const own = (node = 0) => ({ origin: nodes.nodes[node]!.url })

interface Stream {
  closed: Promise<number>
  isOpen: () => boolean
  said: () => string
  leave: () => void
}
const left: (() => void)[] = []
afterEach(() => {
  for (const leave of left.splice(0)) leave()
})

const subscription = (instanceId: string) => `subscription { messageReceived(instanceId: "${instanceId}") { id } }`

/** Resolves once the server has said that it streams, or why it does not. */
async function sse(node: number, headers: Record<string, string>, instanceId: string): Promise<Stream> {
  let said = ''
  let open = true
  const { promise: closed, resolve } = Promise.withResolvers<number>()
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const call = request(at('/graphql', node), {
    method: 'POST',
    headers: { ...headers, accept: 'text/event-stream', 'content-type': 'application/json' },
    agent: false,
  })
  const end = () => {
    open = false
    resolve(performance.now())
  }
  call.on('response', answer => {
    begin()
    answer.on('data', chunk => (said += chunk)).on('error', () => {})
    answer.once('close', end)
  })
  call.on('error', () => {})
  call.end(JSON.stringify({ query: subscription(instanceId) }))
  left.push(() => call.destroy())
  await begun
  return { closed, isOpen: () => open, said: () => said, leave: () => call.destroy() }
}

/** Resolves once the subscription runs, or the server has closed. */
async function ws(
  node: number,
  headers: Record<string, string>,
  given: { instanceId?: string; params?: object; count?: number } = {},
): Promise<Stream & { code: Promise<number> }> {
  const socket = new WebSocket(at('/graphql', node).replace('http', 'ws'), 'graphql-transport-ws', { headers })
  let said = ''
  let open = true
  const { promise: closed, resolve } = Promise.withResolvers<number>()
  const { promise: code, resolve: tell } = Promise.withResolvers<number>()
  const { promise: begun, resolve: begin, reject } = Promise.withResolvers<void>()
  socket.once('unexpected-response', (_, answer) => reject(new Error(`refused with ${answer.statusCode}`)))
  socket.on('error', () => {})
  socket.once('close', number => {
    open = false
    tell(number)
    resolve(performance.now())
    begin()
  })
  socket.once('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: given.params })))
  socket.on('message', data => {
    said += data
    if (JSON.parse(String(data)).type !== 'connection_ack') return
    for (let i = 0; i < (given.count ?? 1); i++) {
      const payload = { query: given.instanceId ? subscription(given.instanceId) : '{ me { id } }' }
      socket.send(JSON.stringify({ id: String(i), type: 'subscribe', payload }))
    }
    begin()
  })
  left.push(() => socket.terminate())
  await begun
  return { closed, code, isOpen: () => open, said: () => said, leave: () => socket.terminate() }
}

const seats = () => nodes.nodes.reduce((sum, { app }) => sum + app.bus.size, 0)

async function tenantWithInstance() {
  const tenant = await nodes.tenant()
  const headers = { 'x-api-key': tenant.apiKey }
  const made = await send(at('/v1/instances'), { headers, json: { name: 'bot' } })
  return { ...tenant, headers, instanceId: made.body.id as string }
}

describe('what was revoked', () => {
  type Revoke = (acme: Json, session: Json) => Promise<unknown>
  const bySession = async (tenantId: string) => {
    const session = await nodes.session(tenantId)
    return { ...session, headers: { cookie: session.cookie } }
  }
  const cases: [string, 'key' | 'session', Revoke, boolean][] = [
    [
      'a key, by its route',
      'key',
      ({ keyId, headers }) => send(at(`/v1/auth/api-keys/${keyId}`), { method: 'DELETE', headers }),
      true,
    ],
    [
      'a session, by logout',
      'session',
      (_, { headers }) => send(at('/v1/auth/logout'), { method: 'POST', headers: { ...headers, ...own() } }),
      true,
    ],
    [
      'a tenant, by the operator',
      'key',
      ({ tenantId }) => nodes.rows(`update tenant set status = 'suspended' where id = $1`, [tenantId]),
      false,
    ],
  ]

  for (const [what, by, revoke, isTold] of cases) {
    it(`(${what}) calls no more on any node, and its streams end within 5 seconds; those of others go on`, async () => {
      const acme = await tenantWithInstance()
      const bystander = await tenantWithInstance()
      const session = await bySession(acme.tenantId)
      const headers = by === 'key' ? acme.headers : session.headers
      const streams: Stream[] = []
      for (const node of [0, 1]) {
        streams.push(await sse(node, { ...headers, ...own(node) }, acme.instanceId))
        streams.push(await ws(node, { ...headers, ...own(node) }, { instanceId: acme.instanceId }))
      }
      const others = [await sse(0, bystander.headers, bystander.instanceId), await ws(1, bystander.headers, bystander)]
      await until(seats, open => open === 6)
      const start = performance.now()
      await revoke(acme, session)
      const isGone = what.startsWith('a tenant') ? 403 : 401
      for (const node of [0, 1]) expect((await send(at('/v1/auth/me', node), { headers })).status).toBe(isGone)
      const took = (await Promise.all(streams.map(stream => stream.closed))).map(ms => ms - start)
      expect(Math.max(...took)).toBeLessThan(5000)
      if (isTold) expect(Math.max(took[0]!, took[1]!)).toBeLessThan(1000)
      expect(others.map(stream => stream.isOpen())).toEqual([true, true])
      await until(seats, open => open === 2)
    })
  }
})

describe('streams', () => {
  it('are 20 for a tenant at once, over SSE and WebSocket together; one that ends makes room', async () => {
    const acme = await tenantWithInstance()
    const other = await tenantWithInstance()
    const open: Stream[] = []
    for (let i = 0; i < 8; i++) open.push(await sse(0, acme.headers, acme.instanceId))
    const socket = await ws(0, acme.headers, { instanceId: acme.instanceId, count: 12 })
    await until(seats, count => count === 20)
    const refused = await sse(0, acme.headers, acme.instanceId)
    await until(refused.said, said => said.includes('rate_limited'))
    expect(refused.said()).toContain('At most 20 streams')
    await sse(0, other.headers, other.instanceId)
    await until(seats, count => count === 21)
    open[0]!.leave()
    await until(seats, count => count === 20)
    await sse(0, acme.headers, acme.instanceId)
    await until(seats, count => count === 21)
    socket.leave()
    await until(seats, count => count === 9)
  })
})

describe('a WebSocket', () => {
  it('is let in by the cookie from our own pages only', async () => {
    const { tenantId } = await nodes.tenant()
    const { cookie } = await nodes.session(tenantId)
    const admitted = await ws(0, { cookie, ...own() })
    await until(admitted.said, said => said.includes(tenantId))
    for (const origin of ['https://evil.example', 'null', `${nodes.nodes[0]!.url}.evil.example`]) {
      await expect(ws(0, { cookie, origin }), origin).rejects.toThrow('refused with 403')
    }
    for (const headers of [{ cookie }, { cookie, origin: PARTNER }, {}] as Record<string, string>[]) {
      const refused = await ws(0, headers)
      expect(await refused.code).toBe(4401)
    }
  })

  it('is let in by an API key from programs, from our pages and from partners', async () => {
    const { tenantId, apiKey } = await nodes.tenant()
    const params = { apiKey }
    for (const headers of [{}, own(), { origin: PARTNER }] as Record<string, string>[]) {
      const open = await ws(0, headers, { params })
      await until(open.said, said => said.includes(tenantId))
    }
    const program = await ws(0, { 'x-api-key': apiKey, origin: 'app://of-mine' })
    await until(program.said, said => said.includes(tenantId))
    await expect(ws(0, { origin: 'https://evil.example' }, { params })).rejects.toThrow('refused with 403')
  })
})
