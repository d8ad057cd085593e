import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from './processes.ts'
import { openWorld, type World } from './world.ts'

const INSTANCES = 50
const AT_ONCE = 8

let world: World
beforeAll(async () => void (world = await openWorld()), 60_000)
afterAll(() => world?.close(), 30_000)

async function connected(): Promise<number> {
  const { body } = await world.call<{ data: { status: { state: string } }[] }>('GET', '/instances?limit=200')
  return body.data.filter(instance => instance.status.state === 'connected').length
}

/** Killed and started again; until all that are linked are connected. */
async function restart(instances: number): Promise<string> {
  await world.server.kill()
  const startedMs = performance.now()
  await world.server.start()
  await until(async () => (await connected()) === instances, `${instances} are connected again`, 60_000)
  const ready = Math.round(world.server.readyMs.at(-1)!)
  const all = Math.round(performance.now() - startedMs)
  return `${instances} connected: ready after ${ready} ms, all connected after ${all} ms, ${await world.server.residentMb()} MB resident`
}

/** For each instance, some at the same time; the results in no order. */
async function forAll<T, R>(all: T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const left = [...all]
  const results: R[] = []
  const worker = async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) results.push(await work(one))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return results
}

const CONTACT = '5511988880001'

/** Connected is not what the row says but what carries a message. */
async function carries(id: string): Promise<boolean> {
  const { body } = await world.send(id, CONTACT, `from ${id}`)
  return body.status === 'sent' || body.status === 'delivered'
}

it('fifty instances of one process, killed with -9 and started again, are all connected with no scan', async () => {
  const first = await world.link('instance 0')
  console.log(`crash: ${await restart(1)}`)
  const names = Array.from({ length: INSTANCES - 1 }, (_, i) => `instance ${i + 1}`)
  const ids = [first, ...(await forAll(names, world.link))]
  expect(await connected()).toBe(INSTANCES)
  console.log(`crash: ${await restart(INSTANCES)}`)
  expect(await forAll(ids, carries)).toEqual(Array(INSTANCES).fill(true))
  for (const id of ids) expect(await world.shown(id, CONTACT)).toEqual([`from ${id}`])
}, 120_000)
