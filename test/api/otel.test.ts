import { createServer, type Server as NodeServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { folder, removeFolder, Server, until } from '../crash/processes.ts'
import type { Json } from '../support/app.ts'

/** `ops/otel/otel.mjs`, as docs/tracing.md says: a server of its own, and a collector that understands OTLP in JSON. */

let dir: string
let server: Server
let collector: NodeServer
const got: Json[] = []
beforeAll(async () => {
  dir = await folder()
  collector = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.once('end', () => {
      got.push({ path: request.url, body: JSON.parse(Buffer.concat(chunks).toString('utf8')) })
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>(resolve => collector.listen(0, '127.0.0.1', resolve))
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test' }
  server = new Server(dir, env, { preload: 'ops/otel/otel.mjs' })
  await server.start()
}, 120_000)
afterAll(async () => {
  await server?.kill()
  collector?.close()
  if (dir) await removeFolder(dir)
})

it('sends the traces of a server, all of them by the time that it ends in peace', async () => {
  const apiKey = await server.createTenant('Acme')
  const traceId = 'ab'.repeat(16)
  const headers = { 'x-api-key': apiKey, traceparent: `00-${traceId}-${'cd'.repeat(8)}-01` }
  const answer = await fetch(`${server.url}/v1/instances`, { headers })
  expect(answer.status).toBe(200)
  expect((await server.terminate()).code).toBe(0)
  const spans = () => got.flatMap(({ body }) => body.resourceSpans.flatMap((each: Json) => each.scopeSpans[0].spans))
  await until(() => spans().length > 0, 'spans are sent')
  expect(new Set(got.map(({ path }) => path))).toEqual(new Set(['/v1/traces']))
  const span = spans().find((each: Json) => each.traceId === traceId)
  expect(span).toMatchObject({ name: 'GET /v1/instances', parentSpanId: 'cd'.repeat(8) })
  const attributes = got[0].body.resourceSpans[0].resource.attributes
  const said = Object.fromEntries(attributes.map(({ key, value }: Json) => [key, value.stringValue]))
  expect(said).toMatchObject({ 'service.name': 'wataki', 'deployment.environment.name': 'test' })
})
