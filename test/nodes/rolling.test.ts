import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { form } from '../chaos/form.ts'
import type { Server } from '../crash/processes.ts'
import { type NodeWorld, openNodeWorld, until } from './world.ts'

const CONTACT = '5511988880001'
const INSTANCES = 4
const SENDS = form(200, 1_000)
const CLIENTS = 8

let world: NodeWorld
// As operators run it: on the way down it is served on for a second, while /readyz says no.
const settings = { NODE_ENV: 'production', HOST: '127.0.0.1' }
beforeAll(async () => void (world = await openNodeWorld(3, { settings })), 180_000)
afterAll(() => world?.close(), 60_000)

it(`a rolling restart of three nodes during ${SENDS} sends: no call fails, none is lost or doubled, no session is taken from another`, async () => {
  const ids = await world.all(
    // Tried again, it makes others.
    Array.from({ length: INSTANCES }, (_, i) => `instance ${i} ${randomUUID()}`),
    name => world.link(name),
  )
  const before = await world.network.counters()
  const answers: string[] = []
  const sent = ids.map(() => [] as string[])
  let started = 0
  let isOver = false
  const client = async () => {
    // Until the last node is back, and then as many as were to be sent.
    while (started < SENDS || !isOver) {
      const n = started++
      const text = `message ${n}`
      const to = n % INSTANCES
      const answer = await send(await ready(), ids[to]!, text).catch(
        (error: Error) => `${error.message}: ${error.cause}`,
      )
      answers.push(answer)
      if (answer === '202') sent[to]!.push(text)
    }
  }
  const clients = Promise.all(Array.from({ length: CLIENTS }, client))
  for (const server of world.servers) {
    const { code, tookMs } = await server.terminate()
    expect(code).toBe(0)
    expect(tookMs).toBeLessThan(10_000)
    await server.start()
    await until(() => allConnected(ids), 'all connected', 30_000)
  }
  isOver = true
  await clients
  expect(answers.filter(answer => answer !== '202')).toEqual([])
  expect(answers.length).toBeGreaterThanOrEqual(SENDS)
  for (const [i, id] of ids.entries()) {
    await until(async () => (await world.shown(id, CONTACT)).length >= sent[i]!.length, 'all arrive', 60_000)
    expect((await world.shown(id, CONTACT)).sort()).toEqual(sent[i]!.sort())
  }
  const after = await world.network.counters()
  expect({ replaced: after.replaced - before.replaced, late: after.late }).toEqual({ replaced: 0, late: 0 })
  console.log(`nodes: ${answers.length} calls during a rolling restart, ${after.logins - before.logins} sessions moved`)
}, 240_000)

/** As a balancer does: the next that says it is ready, asked right before. */
async function ready(): Promise<Server> {
  const server = world.next()
  const answer = await fetch(`${server.url}/readyz`).catch(() => null)
  await answer?.arrayBuffer()
  return answer?.ok ? server : ready()
}

async function send(server: Server, instanceId: string, text: string): Promise<string> {
  const answer = await fetch(`${server.url}/v1/instances/${instanceId}/messages`, {
    method: 'POST',
    headers: { 'x-api-key': world.apiKey, 'content-type': 'application/json' },
    body: JSON.stringify({ chat_id: CONTACT, type: 'text', content: { text } }),
  })
  await answer.arrayBuffer()
  return String(answer.status)
}

async function allConnected(ids: readonly string[]): Promise<boolean> {
  const [row] = await world.rows<{ count: number }>(
    `select count(*)::int as count from instance join instance_lease on instance_id = instance.id
     join node on node.id = owner where state = 'connected' and instance.id = any($1)`,
    [ids],
  )
  return row!.count === ids.length
}
