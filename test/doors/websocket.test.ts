import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { type Door, doorkeeper, openDoor, until } from './door.ts'
import { open } from './schema.ts'

let door: Door
beforeAll(async () => {
  door = await openDoor()
})
afterAll(() => door.close())

const address = () => `ws://127.0.0.1:${door.port}/graphql`

interface Socket {
  socket: WebSocket
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  received: any[]
  say: (message: unknown) => void
  closed: Promise<{ code: number; afterMs: number }>
}

async function dial(options: { key?: string; protocol?: string | null; url?: string } = {}): Promise<Socket> {
  const { key, protocol = 'graphql-transport-ws', url = address() } = options
  const socket = new WebSocket(url, protocol ?? [], { headers: key ? { 'X-API-Key': key } : {} })
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  const received: any[] = []
  const start = performance.now()
  const closed = new Promise<{ code: number; afterMs: number }>(resolve => {
    socket.once('close', code => resolve({ code, afterMs: performance.now() - start }))
  })
  socket.on('message', data => received.push(JSON.parse(String(data))))
  socket.on('error', () => {})
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  return { socket, received, closed, say: message => socket.send(JSON.stringify(message)) }
}

/** A socket that is let in. */
async function admitted(url = address()): Promise<Socket> {
  const dialled = await dial({ key: 'good', url })
  dialled.say({ type: 'connection_init' })
  await until(() => dialled.received.some(message => message.type === 'connection_ack'))
  return dialled
}

const init = (payload?: object) => ({ type: 'connection_init', payload })

describe('GraphQL over WebSocket', () => {
  it('is admitted by X-API-Key, and by apiKey in the connection parameters', async () => {
    for (const [key, payload] of [
      ['good', undefined],
      [undefined, { apiKey: 'good' }],
    ] as const) {
      const { say, received, socket } = await dial({ key })
      say(init(payload))
      await until(() => received.length > 0)
      expect(received[0]).toEqual({ type: 'connection_ack' })
      socket.close()
    }
  })

  it('is closed with 4401 without a good key', async () => {
    for (const payload of [undefined, {}, { apiKey: 'bad' }, { apiKey: 5 }, { apiKey: '' }]) {
      const { say, closed } = await dial()
      say(init(payload))
      expect((await closed).code).toBe(4401)
    }
  })

  it('is closed within 3 seconds when no key is found good: a silent client, and an answer that does not come', async () => {
    const stuck = await openDoor({ doorkeeper: { ...doorkeeper, admit: () => new Promise(() => {}) } })
    const silent = await dial()
    const waiting = await dial({ url: `ws://127.0.0.1:${stuck.port}/graphql`, key: 'good' })
    waiting.say(init())
    for (const { closed } of [silent, waiting]) {
      const { code, afterMs } = await closed
      expect(code).toBe(4408)
      expect(afterMs).toBeLessThan(3500)
    }
    await stuck.close()
  })

  it('is closed with 4401 when it subscribes before it is admitted', async () => {
    const { say, closed } = await dial({ key: 'good' })
    say({ id: '1', type: 'subscribe', payload: { query: '{ greeting }' } })
    expect((await closed).code).toBe(4401)
  })

  it('is closed when it does not speak the protocol', async () => {
    const garbled = await admitted()
    garbled.socket.send('{')
    expect((await garbled.closed).code).toBe(4400)
    const confused = await admitted()
    confused.say({ id: '1', type: 'next', payload: { data: {} } })
    expect((await confused.closed).code).toBe(4400)
    const other = await dial({ key: 'good', protocol: null })
    expect((await other.closed).code).toBe(4406)
  })

  it('is closed on a message beyond 1 MiB', async () => {
    const { socket, closed } = await admitted()
    socket.send('x'.repeat(1_048_577))
    expect((await closed).code).toBe(1009)
  })

  it('is refused elsewhere than on /graphql', async () => {
    await expect(dial({ url: `ws://127.0.0.1:${door.port}/v1/things` })).rejects.toThrow('404')
  })

  it('streams subscriptions and answers queries, with the caller of the socket', async () => {
    const client = createClient({ url: address(), webSocketImpl: WebSocket, connectionParams: { apiKey: 'good' } })
    const seen: unknown[] = []
    for await (const { data } of client.iterate<{ ticks: number }>({ query: 'subscription { ticks(upTo: 3) }' })) {
      seen.push(data!.ticks)
      if (seen.length === 3) break
    }
    expect(seen).toEqual([1, 2, 3])
    await until(() => open.streams === 0)
    for await (const { data } of client.iterate({ query: '{ graphqlOnly }' }))
      expect(data).toEqual({ graphqlOnly: 'ten_1' })
    await client.dispose()
  })

  it('lets go of a stream when its socket is gone', async () => {
    const { say, socket } = await admitted()
    say({ id: '1', type: 'subscribe', payload: { query: 'subscription { ticks(upTo: 1) }' } })
    await until(() => open.streams === 1)
    socket.terminate()
    await until(() => open.streams === 0)
  })

  it('tells errors with code and details, as over HTTP', async () => {
    const { say, received, socket } = await admitted()
    const errorOf = async (id: string, query: string) => {
      say({ id, type: 'subscribe', payload: { query } })
      await until(() => received.some(message => message.id === id && message.type !== 'complete'))
      const { payload } = received.find(message => message.id === id)
      return (Array.isArray(payload) ? payload : payload.errors)[0]
    }
    expect((await errorOf('1', '{')).extensions.code).toBe('validation_error')
    expect((await errorOf('2', '{ nothing }')).extensions.code).toBe('validation_error')
    expect((await errorOf('3', '{ thing(thingId: "missing") { id } }')).extensions.code).toBe('not_found')
    expect((await errorOf('4', 'subscription { ticks(upTo: 5000) }')).extensions).toEqual({
      code: 'validation_error',
      details: { upTo: 'must be between 0 and 1000' },
    })
    const crash = await errorOf('5', '{ crash }')
    expect(crash.extensions.code).toBe('internal_error')
    expect(JSON.stringify(received)).not.toContain('hunter2')
    socket.close()
  })

  it('has 50 sockets of one tenant, and is closed with 1013 beyond', async () => {
    const own = await openDoor()
    const url = `ws://127.0.0.1:${own.port}/graphql`
    const greet = async () => {
      const dialled = await dial({ url, key: 'good' })
      dialled.say(init())
      return dialled
    }
    const sockets = await Promise.all(Array.from({ length: 50 }, greet))
    await until(() => sockets.every(({ received }) => received.length === 1))
    expect((await (await greet()).closed).code).toBe(1013)
    sockets[0]!.socket.close()
    await sockets[0]!.closed
    const next = await greet()
    await until(() => next.received.length === 1)
    await own.close()
  })

  it('runs a bounded number of operations on one socket', async () => {
    const roomy = await openDoor({ turnstile: { atOnce: 200 } })
    const { say, received } = await admitted(`ws://127.0.0.1:${roomy.port}/graphql`)
    for (let i = 0; i <= 100; i++) say({ id: `${i}`, type: 'subscribe', payload: { query: '{ slow }' } })
    await until(() => received.filter(({ type }) => type === 'next' || type === 'error').length === 101)
    const refused = received.filter(({ type }) => type === 'error')
    expect(refused.map(({ id, payload }) => [id, payload[0].message])).toEqual([
      ['100', expect.stringContaining('at most 100')],
    ])
    await roomy.close()
  })

  it('is cut when its reader lets more than 1 MiB pile up', async () => {
    const { say, socket, closed } = await admitted()
    socket.pause()
    const wide = Array.from({ length: 28 }, (_, i) => `a${i}: name`).join(' ')
    for (let i = 0; i < 300; i++) {
      say({ id: `${i}`, type: 'subscribe', payload: { query: `{ things(limit: 200) { data { ${wide} } } }` } })
    }
    await new Promise(resolve => setTimeout(resolve, 2000))
    socket.resume()
    expect((await closed).code).toBe(1006)
  })

  it('is told to come back elsewhere when the server closes', async () => {
    const own = await openDoor()
    const { socket, closed } = await dial({ url: `ws://127.0.0.1:${own.port}/graphql`, key: 'good' })
    const start = performance.now()
    await own.close()
    expect((await closed).code).toBe(1001)
    expect(performance.now() - start).toBeLessThan(3000)
    socket.terminate()
  })
})
