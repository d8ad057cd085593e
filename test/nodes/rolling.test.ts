import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { form } from '../chaos/form.ts'
import { type NodeWorld, openNodeWorld, until } from './world.ts'

const CONTACT = '5511988880001'
const INSTANCES = 4
const SENDS = form(200, 1_000)
const CLIENTS = 8

let world: NodeWorld
beforeAll(async () => void (world = await openNodeWorld(3)), 180_000)
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
      // As a balancer does: it asks one that says it is ready, and another when that takes no connection.
      for (let tries = 0; ; tries++) {
        const answer = await world.send(ids[to]!, CONTACT, text).catch((error: Error) => error)
        if (answer instanceof Error && tries < 10 && isRefused(answer)) continue
        answers.push(answer instanceof Error ? `${answer.message}: ${answer.cause}` : String(answer.status))
        if (!(answer instanceof Error) && answer.status === 202) sent[to]!.push(text)
        break
      }
    }
  }
  const clients = Promise.all(Array.from({ length: CLIENTS }, client))
  for (const server of world.servers) {
    const { code, tookMs } = await server.terminate()
    expect(code).toBe(0)
    expect(tookMs).toBeLessThan(10_000)
    await server.start()
    await until(async () => (await world.connected()) === INSTANCES, 'all connected', 30_000)
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

/** Nobody listens there any more: nothing of the call has happened. */
const isRefused = ({ cause }: Error): boolean => (cause as { code?: string } | undefined)?.code === 'ECONNREFUSED'
