import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
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
