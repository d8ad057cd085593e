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

async function linkAll(first: number): Promise<string[]> {
  const ids: string[] = []
  let next = first
  const linker = async () => {
    while (next < INSTANCES) ids.push(await world.link(`instance ${next++}`))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, linker))
  return ids
}

it('fifty instances of one process, killed with -9 and started again, are all connected with no scan', async () => {
  const first = await world.link('instance 0')
  console.log(`crash: ${await restart(1)}`)
  const ids = [first, ...(await linkAll(1))]
  expect(await connected()).toBe(INSTANCES)
  console.log(`crash: ${await restart(INSTANCES)}`)
  for (const id of [ids[0]!, ids.at(-1)!]) {
    const contact = '5511988880001'
    expect(await world.send(id, contact, `from ${id}`)).toMatchObject({ status: 202, body: { status: 'sent' } })
    await until(async () => (await world.shown(id, contact)).includes(`from ${id}`), 'the text at the contact')
  }
}, 120_000)
