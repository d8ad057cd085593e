import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { listInstances } from '../../src/cli/instances.ts'
import { call } from '../../src/cli/rest.ts'

/** The far end of the wire: a server that is busy so many times, and then answers. */
let server: Server
let asked: string[]
let busy: number
beforeEach(async () => {
  asked = []
  busy = 1
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.headers['idempotency-key'] ?? ''}`.trim())
    request.resume().once('end', () => {
      const isBusy = asked.length <= busy
      response.writeHead(isBusy ? 503 : 200, { 'content-type': 'application/json', 'retry-after': '0' })
      response.end(isBusy ? '{"error":{"code":"unavailable","message":"Too much to do."}}' : '{"id":"x"}')
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
})
afterEach(() => void server.close())

const account = () => ({ url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), apiKey: 'key' })

describe('a call of the command line to a server that is busy', () => {
  it('is made again when it changes nothing, or is done once however often it is made', async () => {
    expect(await call(account(), 'GET', '/instances')).toEqual({ id: 'x' })
    expect(asked).toEqual(['GET', 'GET'])
    asked = []
    expect(await call(account(), 'POST', '/instances', { body: {}, idempotencyKey: 'one' })).toEqual({ id: 'x' })
    expect(asked).toEqual(['POST one', 'POST one'])
  })

  it('is made once when it might be done twice, or its file cannot be read twice', async () => {
    await expect(call(account(), 'POST', '/instances', { body: {} })).rejects.toMatchObject({ code: 'unavailable' })
    expect(asked).toEqual(['POST'])
    asked = []
    // Node's own is to undici a body like any other, which is all that matters here.
    const form = new FormData() as never
    await expect(call(account(), 'POST', '/media', { form, idempotencyKey: 'one' })).rejects.toMatchObject({
      code: 'unavailable',
    })
    expect(asked).toEqual(['POST one'])
  })

  it('is given up after a bounded number of tries', async () => {
    busy = 100
    await expect(call(account(), 'GET', '/instances')).rejects.toMatchObject({ code: 'unavailable' })
    expect(asked).toHaveLength(4)
  })
})

describe('a list of the command line', () => {
  it('has all there is, over as many pages as it takes', async () => {
    server.removeAllListeners('request').on('request', ({ url }, response) => {
      asked.push(url!)
      const page = Number(new URL(url!, 'http://x').searchParams.get('cursor') ?? 1)
      const data = [{ id: page, name: 'bot', status: { state: 'connected' } }]
      response.end(JSON.stringify({ data, page: { next_cursor: page < 3 ? String(page + 1) : null } }))
    })
    const said = vi.spyOn(console, 'log').mockImplementation(() => {})
    await listInstances({ url: account().url.href, apiKey: 'key', json: true })
    const [[printed]] = said.mock.calls as [[string]]
    said.mockRestore()
    expect(JSON.parse(printed).data.map(({ id }: { id: number }) => id)).toEqual([1, 2, 3])
    expect(asked).toEqual(['', '&cursor=2', '&cursor=3'].map(after => `/v1/instances?limit=200${after}`))
  })
})
