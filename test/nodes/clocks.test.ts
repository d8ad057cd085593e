import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openReceiver, RECEIVABLE, type Receiver } from '../support/receiver.ts'
import { type NodeWorld, openNodeWorld, until } from './world.ts'

const HOUR_MS = 3_600_000
const LIMIT = 60
const REQUESTS = 600
const CONTACT = '5511988880001'
const MESSAGES = 12
const RETRY_BASE_MS = 500

let world: NodeWorld
let receiver: Receiver
beforeAll(async () => {
  receiver = await openReceiver()
  world = await openNodeWorld(3, {
    preload: 'test/nodes/clock-shift.ts',
    own: node => ({ CLOCK_SHIFT_MS: String((node - 1) * HOUR_MS) }),
    settings: {
      ...RECEIVABLE,
      RATE_LIMIT_PER_MINUTE: String(LIMIT),
      WEBHOOK_RETRY_BASE_MS: String(RETRY_BASE_MS),
      // However slow the machine: what is beyond the limit is to be told so, and not that there is too much to do.
      REQUESTS_AT_ONCE: String(REQUESTS),
    },
  })
}, 180_000)
afterAll(async () => {
  await world?.close()
  await receiver?.close()
}, 60_000)

/** Each part its own tenant: none uses up what another has. */
const as = async (
  name: string,
): Promise<(node: number, method: string, path: string, body?: object) => Promise<Response>> => {
  const apiKey = await world.server.createTenant(name)
  return (node, method, path, body) =>
    fetch(`${world.servers[node % 3]!.url}/v1${path}`, {
      method,
      headers: { 'x-api-key': apiKey, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
}
// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
const bodyOf = async (answer: Promise<Response>): Promise<any> => (await answer).json()

describe('three nodes whose clocks are an hour apart', () => {
  it(`admit exactly ${LIMIT} of ${REQUESTS} requests at once, say so on every answer, and agree when the window ends`, async () => {
    const call = await as('Limited')
    const answers = await Promise.all(Array.from({ length: REQUESTS }, (_, i) => call(i, 'GET', '/instances')))
    const of = (status: number) => answers.filter(answer => answer.status === status)
    expect([of(200).length, of(429).length]).toEqual([LIMIT, REQUESTS - LIMIT])
    const header = (answer: Response, name: string) => Number(answer.headers.get(name))
    const left = of(200).map(answer => header(answer, 'x-ratelimit-remaining'))
    expect(left.sort((a, b) => a - b)).toEqual(Array.from({ length: LIMIT }, (_, i) => i))
    expect(new Set(answers.map(answer => header(answer, 'x-ratelimit-limit')))).toEqual(new Set([LIMIT]))
    const resets = answers.map(answer => header(answer, 'x-ratelimit-reset'))
    expect(Math.max(...resets) - Math.min(...resets)).toBeLessThanOrEqual(1)
  }, 60_000)

  it('send at once and in order what is accepted by one after another, and list it so', async () => {
    const call = await as('Ordered')
    const { id } = await bodyOf(call(0, 'POST', '/instances', { name: 'one' }))
    const { qr } = await bodyOf(call(1, 'POST', `/instances/${id}/connect`))
    await world.network.scan(id, { qr })
    await until(
      async () => (await bodyOf(call(2, 'GET', `/instances/${id}/status`))).state === 'connected',
      'connected',
    )
    const texts = Array.from({ length: MESSAGES }, (_, i) => `message ${i}`)
    const statuses: string[] = []
    for (const [i, text] of texts.entries()) {
      const body = { chat_id: CONTACT, type: 'text', content: { text } }
      statuses.push((await bodyOf(call(i, 'POST', `/instances/${id}/messages`, body))).status)
    }
    // None had to wait until the clock of another node came so far.
    for (const status of statuses) expect(['sent', 'delivered']).toContain(status)
    expect(await world.shown(id, CONTACT)).toEqual(texts)
    const listed = await bodyOf(call(1, 'GET', `/instances/${id}/messages?chat_id=${CONTACT}`))
    expect(listed.data.map((each: { content: { text: string } }) => each.content.text).reverse()).toEqual(texts)
  }, 60_000)

  it('try a webhook again after the same pause, whichever has recorded the event', async () => {
    const call = await as('Retried')
    const { id } = await bodyOf(call(0, 'POST', '/instances', { name: 'one' }))
    receiver.answer((_, response) => void response.writeHead(500).end())
    const input = { url: receiver.url, events: ['message.received'] }
    const { id: webhookId } = await bodyOf(call(0, 'POST', `/instances/${id}/webhooks`, input))
    for (const node of [0, 1, 2]) await call(node, 'POST', `/instances/${id}/webhooks/${webhookId}/test`)
    await until(() => receiver.got.length >= 6, 'each was tried twice', 30_000)
    const first = new Map<string, number>()
    for (const { body, atMs } of receiver.got) {
      const before = first.get(body.id)
      if (before === undefined) first.set(body.id, atMs)
      else expect(atMs - before).toBeGreaterThanOrEqual(RETRY_BASE_MS * 0.9)
    }
  }, 60_000)

  it('take over from each other when one is frozen, and from none that lives', async () => {
    const call = await as('Leased')
    const ids: string[] = []
    for (const i of [0, 1, 2]) {
      const { id } = await bodyOf(call(i, 'POST', '/instances', { name: `instance ${i}` }))
      const { qr } = await bodyOf(call(i, 'POST', `/instances/${id}/connect`))
      await world.network.scan(id, { qr })
      ids.push(id)
    }
    const all = 4 // with the one of the second test
    await until(async () => (await world.connected()) === all, 'all connected')
    const nodes = Object.keys(await world.spread())
    expect(nodes).toHaveLength(3)
    const frozen = world.servers[0]!
    frozen.freeze()
    const isOver = async () => Object.keys(await world.spread()).length === 2 && (await world.connected()) === all
    await until(isOver, 'all connected elsewhere', 20_000)
    frozen.thaw()
    await until(async () => Object.keys(await world.spread()).length === 3, 'it takes part again', 30_000)
    expect((await world.network.counters()).late).toBe(0)
  }, 120_000)
})
