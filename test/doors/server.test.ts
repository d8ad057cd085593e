import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { type Door, doorkeeper, openDoor, until } from './door.ts'
import { open } from './schema.ts'

const withDoor = async (options: Parameters<typeof openDoor>[0], work: (door: Door) => Promise<void>) => {
  const door = await openDoor(options)
  try {
    await work(door)
  } finally {
    await door.close()
  }
}

describe('health', () => {
  it('is alive at /healthz without credentials', () =>
    withDoor({}, async door => {
      expect((await door.call('/healthz', { key: null })).status).toBe(200)
    }))

  it('is ready at /readyz while the database answers', () =>
    withDoor({}, async door => {
      expect((await door.call('/readyz', { key: null })).status).toBe(200)
      door.app.db.sql.query = () => Promise.reject(new Error('gone'))
      const away = await door.call('/readyz', { key: null })
      expect([away.status, away.json.error.code]).toEqual([503, 'unavailable'])
      expect(away.text).not.toContain('gone')
      door.app.db.sql.query = () => new Promise(() => {})
      expect((await door.call('/readyz', { key: null })).status).toBe(503)
    }))

  it('is not ready at /readyz while the node is to lose its instances to others, and alive', () =>
    withDoor({}, async door => {
      door.app.node.draining = true
      const away = await door.call('/readyz', { key: null })
      expect([away.status, away.json.error]).toEqual([503, { code: 'unavailable', message: 'draining', details: {} }])
      expect((await door.call('/healthz', { key: null })).status).toBe(200)
      door.app.node.draining = false
      expect((await door.call('/readyz', { key: null })).status).toBe(200)
    }))

  it('of other paths is 404 in the shape of errors', () =>
    withDoor({}, async door => {
      for (const path of ['/v2/things', '/graphql/x', '/v1x']) {
        const answer = await door.call(path)
        expect([answer.status, answer.json.error.code]).toEqual([404, 'not_found'])
      }
    }))
})

describe('slow clients', () => {
  const limits = { headersTimeout: 300, requestTimeout: 600, connectionsCheckingInterval: 50 }

  it('that do not finish their headers are cut', () =>
    withDoor({ limits }, async door => {
      const text = await drip(door.port, 'GET /v1/greeting HTTP/1.1\r\nHost: x\r\nX-Slow: ')
      // Not 400: a server that was stopped in between answers so too, and its caller did nothing wrong.
      expect(text).toMatch(/^HTTP\/1\.1 503 /)
      expect(text).toMatch(/^Retry-After: \d+/m)
      expect(text).toContain('did not arrive in time')
    }))

  it('that drip a body are cut', () =>
    withDoor({ limits }, async door => {
      const head = 'POST /v1/things HTTP/1.1\r\nHost: x\r\nX-API-Key: good\r\nContent-Type: application/json\r\n'
      await drip(door.port, `${head}Content-Length: 10000\r\n\r\n{`)
    }))

  it('that listen to a stream are not', () =>
    withDoor({ limits }, async door => {
      const reader = new AbortController()
      const response = await fetch(`${door.url}/graphql`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream', 'X-API-Key': 'good' },
        body: '{"query":"subscription { ticks(upTo: 1) }"}',
        signal: reader.signal,
      })
      let ended = false
      const reading = response
        .text()
        .catch(() => {})
        .finally(() => (ended = true))
      await new Promise(resolve => setTimeout(resolve, 1500))
      expect([ended, open.streams]).toEqual([false, 1])
      reader.abort()
      await reading
    }))

  it('that do not read their events are cut when 1 MiB waits for them', () =>
    withDoor({}, async door => {
      const body = '{"query":"subscription { flood }"}'
      const head = 'POST /graphql HTTP/1.1\r\nHost: x\r\nX-API-Key: good\r\nContent-Type: application/json\r\n'
      const socket = connect(door.port, '127.0.0.1')
      socket.on('error', () => {})
      socket.write(`${head}Accept: text/event-stream\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
      await until(() => open.streams === 1)
      socket.pause()
      await until(() => open.streams === 0)
      let readBytes = 0
      socket.on('data', chunk => (readBytes += chunk.length)).resume()
      await new Promise(resolve => socket.once('close', resolve))
      // What the kernel had taken besides.
      expect(readBytes).toBeLessThan(16_000_000)
    }))

  it('with headers beyond 16 KiB are refused', () =>
    withDoor({}, async door => {
      const text = await drip(door.port, `GET /v1/greeting HTTP/1.1\r\nHost: x\r\nX-Big: ${'x'.repeat(20_000)}`)
      expect(text).toContain('the headers are too large')
    }))
})

describe('close', () => {
  it('finishes requests in flight, and accepts no new ones', async () => {
    const door = await openDoor()
    const slow = door.call('/v1/slow')
    await new Promise(resolve => setTimeout(resolve, 100))
    const closing = door.close()
    // Once those who look at /readyz had time to look away.
    await expect.poll(() => door.call('/v1/greeting').catch((error: Error) => error)).toBeInstanceOf(Error)
    const answer = await slow
    expect([answer.status, answer.text]).toEqual([200, '"done"'])
    expect(answer.headers.get('connection')).toBe('close')
    await closing
  })

  it('closes connections that nobody uses, used before or not', async () => {
    const door = await openDoor()
    await door.call('/v1/greeting')
    const unused = connect(door.port, '127.0.0.1')
    unused.on('error', () => {})
    await new Promise(resolve => unused.once('connect', resolve))
    await new Promise(resolve => setTimeout(resolve, 50))
    const start = performance.now()
    await door.close()
    expect(performance.now() - start).toBeLessThan(1000)
    unused.destroy()
  })

  it('ends streams without telling their readers that they are complete', async () => {
    const door = await openDoor()
    const response = await fetch(`${door.url}/graphql`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream', 'X-API-Key': 'good' },
      body: '{"query":"subscription { ticks(upTo: 1) }"}',
    })
    await until(() => open.streams === 1)
    const text = response.text()
    await door.close()
    expect(await text).not.toContain('complete')
    await until(() => open.streams === 0)
  })

  it('waits for a bounded time only', async () => {
    const door = await openDoor({ drainMs: 200, doorkeeper: { ...doorkeeper, admit: () => new Promise(() => {}) } })
    const stuck = door.call('/v1/things').catch(() => 'cut')
    await new Promise(resolve => setTimeout(resolve, 100))
    const start = performance.now()
    await door.close()
    expect(await stuck).toBe('cut')
    expect(performance.now() - start).toBeLessThan(1500)
  })
})

/** Sends a byte every 100 ms after the text, until the other side closes; gives what it said. */
async function drip(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', chunk => (answer += chunk)).on('error', () => {})
  socket.write(text)
  const timer = setInterval(() => socket.write('x'), 100)
  await new Promise(resolve => socket.once('close', resolve))
  clearInterval(timer)
  return answer
}
