import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDelivery } from '../../src/delivery/delivery.ts'

const TIMEOUT_MS = 1_000
const LATE_MS = 1_000
const GROWTH_MAX_BYTES = 20 * 1024 * 1024

const EXPECTED: Record<string, string> = {
  'never answers': 'timeout',
  'closes at once': 'connection',
  'resets at once': 'connection',
  'sends its headers a byte a second': 'timeout',
  'sends 100,000 headers': 'connection',
  'sends headers without end': 'connection',
  'goes on saying that it will answer': 'timeout',
  'sends a body a byte a second': 'timeout',
  'sends a body without end': '200',
  'sends a body of 1 GB': '200',
  'sends a gzip bomb': '200',
  'sends half an answer': 'connection',
  'speaks no HTTP': 'connection',
  'takes to another protocol': 'connection',
}

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')
const delivery = createDelivery({ allowHttp: true, allowedNetworks: ['127.0.0.1/32'], ownPort: () => null })
let receivers: ChildProcess
let ports: Record<string, number>
beforeAll(async () => {
  receivers = fork(join(import.meta.dirname, 'hostile-receivers.ts'), { execArgv: [] })
  ;[{ ports }] = await once(receivers, 'message')
  for (const kind of Object.keys(EXPECTED)) await post(`http://127.0.0.1:${ports[kind]}/`)
})
afterAll(async () => {
  await delivery.close()
  receivers.disconnect()
})

const post = (url: string) =>
  delivery.post({ url, headers: { 'content-type': 'application/json' }, body: '{}', timeoutMs: TIMEOUT_MS })

async function openSockets(): Promise<number> {
  receivers.send('open?')
  const [{ open }] = await once(receivers, 'message')
  return open
}

/** The highest that the memory was at while the work went on, over what it was before. */
async function growth<T>(work: () => Promise<T>): Promise<{ result: T; grownBytes: number }> {
  collect()
  const beforeBytes = process.memoryUsage.rss()
  let peakBytes = beforeBytes
  const timer = setInterval(() => (peakBytes = Math.max(peakBytes, process.memoryUsage.rss())), 10)
  const result = await work()
  clearInterval(timer)
  return { result, grownBytes: Math.max(peakBytes, process.memoryUsage.rss()) - beforeBytes }
}

for (const [kind, expected] of Object.entries(EXPECTED)) {
  it(`a receiver that ${kind} is over in time, costs no memory and is left`, async () => {
    const { result, grownBytes } = await growth(() => post(`http://127.0.0.1:${ports[kind]}/`))
    expect(result.kind === 'answered' ? String(result.statusCode) : result.code, JSON.stringify(result)).toBe(expected)
    expect(result.durationMs).toBeLessThan(TIMEOUT_MS + LATE_MS)
    if (result.kind === 'answered') expect(Buffer.byteLength(result.body)).toBeLessThanOrEqual(1024)
    expect(grownBytes).toBeLessThan(GROWTH_MAX_BYTES)
    await expect.poll(openSockets, { timeout: LATE_MS }).toBe(0)
  })
}

it('a receiver that takes a connection for TLS and says nothing is over in time and is left', async () => {
  const outcome = await post(`https://127.0.0.1:${ports['never answers']}/`)
  expect(outcome).toMatchObject({ kind: 'failed', code: 'timeout' })
  expect(outcome.durationMs).toBeLessThan(TIMEOUT_MS + LATE_MS)
  await expect.poll(openSockets, { timeout: LATE_MS }).toBe(0)
})

it('a receiver that speaks no TLS where it should is a failure of TLS', async () => {
  const outcome = await post(`https://127.0.0.1:${ports['speaks no HTTP']}/`)
  expect(outcome).toMatchObject({ kind: 'failed', code: 'tls' })
})

it('200 hostile receivers at once are over in time, and in as much memory as is bounded for each', async () => {
  const kinds = Object.keys(EXPECTED)
  const startMs = performance.now()
  const { grownBytes } = await growth(() =>
    Promise.all(Array.from({ length: 200 }, (_, i) => post(`http://127.0.0.1:${ports[kinds[i % kinds.length]!]}/`))),
  )
  expect(performance.now() - startMs).toBeLessThan(TIMEOUT_MS + 10_000)
  expect(grownBytes).toBeLessThan(100 * 1024 * 1024)
  await expect.poll(openSockets, { timeout: 5_000 }).toBe(0)
})
