import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Worker } from 'node:worker_threads'
import { Pool } from 'undici'
import { createDelivery } from '../src/delivery/delivery.ts'
import { newSecret, signedHeaders } from '../src/delivery/sign.ts'

/** Signed posts to a receiver on loopback a second, beside bare ones by undici in the same run. `npm run bench -- post` */

const ROUNDS = 5
const POSTS = 4_000
const AT_ONCE = 32

const RECEIVER = `
  const { parentPort } = require('node:worker_threads')
  const server = require('node:http').createServer((req, res) => req.resume().on('end', () => res.end('ok')))
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address()))`
const receiver = new Worker(RECEIVER, { eval: true })
const [{ port }] = (await once(receiver, 'message')) as [AddressInfo]
const origin = `http://127.0.0.1:${port}`

const secrets = [newSecret()]
const body = JSON.stringify({ id: 'evt_1', type: 'message.received', data: { text: 'x'.repeat(500) } })
const delivery = createDelivery({ allowHttp: true, allowedNetworks: ['127.0.0.1/32'], ownPort: () => null })
const pool = new Pool(origin, { connections: AT_ONCE })

const WAYS: Record<string, (i: number) => Promise<unknown>> = {
  'bare undici': async () => {
    const answer = await pool.request({
      path: '/',
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    })
    return answer.body.text()
  },
  'delivery.post, signed': i => {
    const signed = signedHeaders({ id: `evt_${i}`, timestampSeconds: 1_800_000_000, body, secrets })
    const headers = { 'content-type': 'application/json', ...signed }
    return delivery.post({ url: `${origin}/`, headers, body, timeoutMs: 10_000 })
  },
}

async function perSecond(post: (i: number) => Promise<unknown>): Promise<number> {
  const startMs = performance.now()
  let next = 0
  const work = async () => {
    while (next < POSTS) await post(next++)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return (POSTS / (performance.now() - startMs)) * 1000
}

const rates: Record<string, number[]> = {}
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, post] of Object.entries(WAYS)) (rates[name] ??= []).push(await perSecond(post))
}
console.log(`| way (${AT_ONCE} at once) | POST/s, median of ${ROUNDS} |\n|---|---|`)
for (const [name, each] of Object.entries(rates)) {
  console.log(`| ${name} | ${Math.round(each.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)]!)} |`)
}
await delivery.close()
await pool.close()
await receiver.terminate()
