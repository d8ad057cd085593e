import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { Doorkeeper } from '../../src/http/gate.ts'
import { type Answer, type Door, doorkeeper, openDoor, until } from './door.ts'

/** More than can be worked on: behind the doors stands a doorkeeper who answers when the test says so. */

const AT_ONCE = 4
const THINGS = '/v1/things/thing_1'

let door: Door
afterEach(() => door.close())

/** Keys begin with the name of their tenant. */
class Stall {
  readonly asked: string[] = []
  readonly #held: (() => void)[] = []
  #open = false

  readonly doorkeeper: Doorkeeper = {
    ...doorkeeper,
    mayBeGood: credentials => !('apiKey' in credentials && credentials.apiKey === 'mistyped'),
    isOperator: () => false,
    admit: async (app, credentials) => {
      const key = (credentials as { apiKey: string }).apiKey
      this.asked.push(key)
      if (!this.#open) await new Promise<void>(resolve => this.#held.push(resolve))
      const admission = await doorkeeper.admit(app, { apiKey: 'good' })
      return { ...admission!, caller: { tenantId: key.split('-')[0]!, via: { kind: 'key', apiKeyId: key } } }
    },
  }

  one(): void {
    this.#held.shift()!()
  }

  end(): void {
    this.#open = true
    for (const go of this.#held.splice(0)) go()
  }

  /** From now on it stalls again, and nobody was asked about before. */
  begin(): void {
    this.#open = false
    this.asked.length = 0
  }
}

const many = (count: number, call: () => Promise<Answer>) => Array.from({ length: count }, call)
const statuses = (answers: Answer[]) => answers.map(answer => answer.status)

/** `acme-1` has been here before: keys that nobody has seen are looked up one after the other. */
async function openStalled(options: Parameters<typeof openDoor>[0] = {}): Promise<Stall> {
  const stall = new Stall()
  door = await openDoor({
    doorkeeper: stall.doorkeeper,
    ...options,
    turnstile: { atOnce: AT_ONCE, ...options.turnstile },
  })
  stall.end()
  await door.call(THINGS, { key: 'acme-1' })
  stall.begin()
  return stall
}

describe('a server that has all it can do', () => {
  it('refuses the next with 503 and Retry-After, before it looks at credentials and body, and is as before when it has done it', async () => {
    const stall = await openStalled()
    const inside = many(AT_ONCE, () => door.call(THINGS, { key: 'acme-1' }))
    await until(() => stall.asked.length === AT_ONCE)
    const body = 'x'.repeat(100_000)
    const refused = await Promise.all([
      door.call(THINGS, { key: 'acme-1' }),
      door.call('/v1/things', { key: 'other-1', method: 'POST', body }),
    ])
    for (const { status, headers, json } of refused) {
      expect([status, json.error.code]).toEqual([503, 'unavailable'])
      expect(headers.get('retry-after')).toMatch(/^[123]$/)
      expect(headers.get('x-request-id')).toMatch(/^req_/)
      expect(headers.get('x-ratelimit-limit')).not.toBeNull()
    }
    expect(stall.asked).toEqual(Array(AT_ONCE).fill('acme-1'))
    expect(door.log.filter(line => line.includes('overload'))).toHaveLength(1)
    door.app.metrics.http.atTheDoor(door.app.turnstile)
    expect((await door.app.metrics.exposition()).text).toContain('wataki_overload_refused_total 2')
    const { counts, errors } = door.app.calls.take()!
    expect(counts.find(({ grain }) => grain === 'hour')).toMatchObject({ tenantId: 'acme', requests: 2, errors: 1 })
    expect(errors).toMatchObject([{ tenantId: 'acme', code: 'unavailable' }])
    stall.end()
    expect(statuses(await Promise.all(inside))).toEqual(Array(AT_ONCE).fill(200))
    expect(statuses(await Promise.all(many(AT_ONCE * 5, () => door.call(THINGS, { key: 'acme-1' }))))).toEqual(
      Array(AT_ONCE * 5).fill(200),
    )
    expect([door.app.turnstile.busy, door.app.turnstile.waiting]).toEqual([0, 0])
  })

  it('lets a burst wait, and serves all of it', async () => {
    const stall = await openStalled()
    stall.end()
    const answers = await Promise.all(many(300, () => door.call(THINGS, { key: 'acme-1' })))
    expect(new Set(statuses(answers))).toEqual(new Set([200]))
  })

  it('takes the other tenant next, however many one has in the line', async () => {
    const stall = await openStalled()
    stall.end()
    for (const key of ['flood-1', 'honest-1']) await door.call(THINGS, { key })
    stall.begin()
    const flood = many(100, () => door.call(THINGS, { key: 'flood-1' }))
    await until(() => door.app.turnstile.waiting === 100 - AT_ONCE)
    const honest = door.call(THINGS, { key: 'honest-1' })
    await until(() => door.app.turnstile.waiting === 101 - AT_ONCE)
    stall.one()
    await until(() => stall.asked.length > AT_ONCE)
    expect(stall.asked).toEqual([...Array(AT_ONCE).fill('flood-1'), 'honest-1'])
    stall.end()
    expect((await honest).status).toBe(200)
    expect(statuses(await Promise.all(flood)).every(status => status === 200 || status === 503)).toBe(true)
  })

  it('takes keys that were never good for one caller, whatever they are', async () => {
    const stall = await openStalled()
    stall.end()
    await door.call(THINGS, { key: 'honest-1' })
    stall.begin()
    let n = 0
    const flood = many(50, () => door.call(THINGS, { key: `made${n++}-up` }))
    await until(() => door.app.turnstile.waiting === 50 - AT_ONCE)
    const honest = door.call(THINGS, { key: 'honest-1' })
    await until(() => door.app.turnstile.waiting === 51 - AT_ONCE)
    stall.one()
    await until(() => stall.asked.includes('honest-1'))
    expect(stall.asked).toHaveLength(3)
    stall.end()
    await Promise.all([honest, ...flood])
  })

  it('refuses who has most in a full line, when somebody else comes', async () => {
    const LINE = 20
    const stall = await openStalled({ turnstile: { lineMax: LINE } })
    stall.end()
    for (const key of ['flood-1', 'honest-1']) await door.call(THINGS, { key })
    stall.begin()
    const flood = many(AT_ONCE + LINE, () => door.call(THINGS, { key: 'flood-1' }))
    await until(() => door.app.turnstile.waiting === LINE)
    const before = door.app.turnstile.refused
    const honest = door.call(THINGS, { key: 'honest-1' })
    await until(() => door.app.turnstile.refused > before)
    stall.end()
    expect((await honest).status).toBe(200)
    expect(statuses(await Promise.all(flood))).toContain(503)
  })

  it('answers health, readiness and what signs itself all the same', async () => {
    const path = '/signed'
    const serve = async ({ res }: { res: { end(text: string): void } }) => res.end('taken')
    const stall = await openStalled({ signed: [{ path, tag: 'Things', description: {}, serve: serve as never }] })
    const inside = many(AT_ONCE + 20, () => door.call(THINGS, { key: 'acme-1' }))
    await until(() => stall.asked.length === AT_ONCE)
    for (const path of ['/healthz', '/readyz']) expect((await door.call(path, { key: null })).status).toBe(200)
    expect((await door.call(`/v1${path}`, { key: null, method: 'POST' })).text).toBe('taken')
    stall.end()
    await Promise.all(inside)
  })

  it('tells strangers without an allowance so, in the shape of each door, and needs no place for it', async () => {
    const stall = await openStalled({ config: { rateLimitPerMinute: 2 } })
    for (const key of [null, 'mistyped']) expect((await door.call(THINGS, { key })).status).toBe(401)
    const inside = many(AT_ONCE, () => door.call(THINGS, { key: 'acme-1' }))
    await until(() => stall.asked.length === AT_ONCE)
    const body = 'x'.repeat(100_000)
    const refused = await Promise.all([
      door.call(THINGS, { key: null }),
      door.call('/v1/things', { key: 'mistyped', method: 'POST', body }),
      door.call('/v1/nothing/%zz', { key: null, headers: { cookie: 'other=1' } }),
      door.graphql('{ graphqlOnly }', { key: 'mistyped' }),
    ])
    for (const { status, headers, json } of refused) {
      expect([status, json.error?.code ?? json.errors[0].extensions.code]).toEqual([429, 'rate_limited'])
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
      expect([headers.get('x-ratelimit-limit'), headers.get('x-ratelimit-remaining')]).toEqual(['2', '0'])
      expect(headers.get('x-request-id')).toMatch(/^req_/)
    }
    expect(door.app.turnstile.refused + door.app.turnstile.waiting).toBe(0)
    stall.end()
    expect(statuses(await Promise.all(inside))).toEqual(Array(AT_ONCE).fill(200))
    // Good before, and asked about.
    for (const key of ['acme-1', 'other-1']) expect((await door.call(THINGS, { key })).status).toBe(200)
  })

  it('refuses GraphQL in its own shape, over HTTP and WebSocket', async () => {
    const stall = await openStalled()
    stall.end()
    const socket = new WebSocket(`ws://127.0.0.1:${door.port}/graphql`, 'graphql-transport-ws', {
      headers: { 'X-API-Key': 'acme-1' },
    })
    const received: { type: string; payload?: { extensions: { code: string } }[] }[] = []
    socket.on('message', data => received.push(JSON.parse(String(data))))
    await new Promise(resolve => socket.once('open', resolve))
    socket.send(JSON.stringify({ type: 'connection_init' }))
    await until(() => received.length === 1)
    stall.begin()
    const inside = many(AT_ONCE, () => door.call(THINGS, { key: 'acme-1' }))
    await until(() => stall.asked.length === AT_ONCE)
    const query = '{ graphqlOnly }'
    socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query } }))
    const { status, headers, json } = await door.graphql(query, { key: 'acme-1' })
    expect([status, json.errors[0].extensions.code]).toEqual([503, 'unavailable'])
    expect(headers.get('retry-after')).toMatch(/^[123]$/)
    await until(() => received.length === 2)
    expect([received[1]!.type, received[1]!.payload![0]!.extensions.code]).toEqual(['error', 'unavailable'])
    stall.end()
    await Promise.all(inside)
    socket.send(
      JSON.stringify({
        type: 'subscribe',
        id: '2',
        payload: { query: 'query A { graphqlOnly } query B { graphqlOnly }' },
      }),
    )
    await until(() => received.length === 3)
    socket.send(JSON.stringify({ type: 'subscribe', id: '3', payload: { query } }))
    await until(() => received.at(-1)!.type === 'complete')
    socket.terminate()
    expect(door.app.turnstile.busy).toBe(0)
  })

  it('keeps no place for who sends slowly', async () => {
    const stall = await openStalled()
    stall.end()
    const slow = connect(door.port, '127.0.0.1')
    for (let i = 0; i < AT_ONCE; i++) {
      const one = i === 0 ? slow : connect(door.port, '127.0.0.1')
      one.on('error', () => {})
      one.write(
        'POST /v1/things HTTP/1.1\r\nHost: x\r\nX-API-Key: acme-1\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"name',
      )
    }
    await until(() => stall.asked.length === AT_ONCE)
    await until(() => door.app.turnstile.busy === 0)
    expect((await door.call(THINGS, { key: 'acme-1' })).status).toBe(200)
    let answer = ''
    slow.on('data', chunk => (answer += chunk))
    slow.write('": "new"}')
    slow.write('  ')
    await until(() => answer.includes('\r\n\r\n'))
    expect(answer).toMatch(/^HTTP\/1.1 (201|400) /)
  })

  it('holds 64 MiB of bodies that are still being sent, and no more', async () => {
    // Room for all of them: it is not for their number that one is refused.
    await openStalled({ doorkeeper, turnstile: { atOnce: 100 } })
    const head =
      'POST /v1/things HTTP/1.1\r\nHost: x\r\nX-API-Key: good\r\nContent-Type: application/json\r\nContent-Length: 1048576\r\n\r\n'
    const answers: string[] = []
    const sockets = Array.from({ length: 70 }, () => {
      const socket = connect(door.port, '127.0.0.1')
      socket.on('error', () => {}).on('data', chunk => answers.push(String(chunk)))
      socket.write(head)
      socket.write(Buffer.alloc(1_000_000, 'x'))
      return socket
    })
    await until(() => answers.join('').includes('Too much is being sent right now'))
    expect(answers.join('')).toMatch(/^HTTP\/1.1 503 [\s\S]*Retry-After/)
    for (const socket of sockets) socket.destroy()
    await until(() => door.app.turnstile.busy === 0)
    expect((await door.call('/v1/things', { json: { name: 'one' } })).status).not.toBe(503)
  })

  it('lets one in at a time while the heap is short, and all once it is not', async () => {
    let share = 0.9
    const stall = await openStalled({ turnstile: { heapShare: () => share } })
    const first = door.call(THINGS, { key: 'acme-1' })
    await until(() => stall.asked.length === 1)
    const refused = await Promise.all(many(10, () => door.call(THINGS, { key: 'acme-1' })))
    expect(new Set(statuses(refused))).toEqual(new Set([503]))
    expect(stall.asked).toHaveLength(1)
    stall.end()
    expect((await first).status).toBe(200)
    expect((await door.call(THINGS, { key: 'acme-1' })).status).toBe(200)
    share = 0.5
    const tried = async () => statuses(await Promise.all(many(AT_ONCE, () => door.call(THINGS, { key: 'acme-1' }))))
    let last = await tried()
    while (last.includes(503)) last = await tried()
    expect(last).toEqual(Array(AT_ONCE).fill(200))
  })

  it('refuses connections beyond so many', async () => {
    await openStalled({ config: { connectionsMax: 3 } })
    const dial = () => {
      const socket = connect(door.port, '127.0.0.1')
      const ended = new Promise<'refused'>(resolve => socket.once('close', () => resolve('refused')))
      return { socket: socket.on('error', () => {}), ended }
    }
    const kept = [dial(), dial(), dial()]
    for (const { socket } of kept) await new Promise(resolve => socket.once('connect', resolve))
    const fourth = dial()
    expect(await fourth.ended).toBe('refused')
    kept[0]!.socket.destroy()
    await kept[0]!.ended
    const ask = async () => {
      const { socket } = dial()
      socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
      const chunks: Buffer[] = []
      for await (const chunk of socket.on('error', () => {})) chunks.push(chunk as Buffer)
      return Buffer.concat(chunks).toString()
    }
    let answer = ''
    while (!answer.startsWith('HTTP/1.1 200')) answer = await ask().catch(() => '')
    for (const { socket } of kept) socket.destroy()
  })
})
