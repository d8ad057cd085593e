import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type NodeWorld, openNodeWorld, until } from './world.ts'

let world: NodeWorld
beforeAll(async () => void (world = await openNodeWorld(3)), 120_000)
afterAll(() => world?.close(), 60_000)

const CONTACT = '5511988880001'

describe('three nodes on one database', () => {
  it('answer each call alike, whichever has the instance: connect, scan, send, react, read, presence, check, disconnect', async () => {
    const id = (await world.call<{ id: string }>('POST', '/instances', { name: 'anywhere' })).body.id
    const path = `/instances/${id}`
    const answers = new Map<string, unknown[]>()
    const everywhere = async (what: string, call: () => Promise<{ status: number; body: unknown }>) => {
      for (const server of world.servers) {
        world.at = server
        const { status, body } = await call()
        answers.set(what, [...(answers.get(what) ?? []), { status, body }])
      }
      world.at = null
    }
    const statuses = (what: string) => answers.get(what)!.map(each => (each as { status: number }).status)

    await everywhere('connect', () => world.call('POST', `${path}/connect`))
    const codes = answers.get('connect')!.map(each => (each as { body: { qr: string } }).body.qr)
    expect(statuses('connect')).toEqual([200, 200, 200])
    expect(new Set(codes).size).toBe(1)
    await world.network.scan(id, { qr: codes[0]! })
    await until(async () => (await world.state(id)) === 'connected', 'connected')

    const ids: string[] = []
    await everywhere('send', async () => {
      const answer = await world.send(id, CONTACT, `number ${ids.length}`)
      ids.push(answer.body.id)
      expect(['sent', 'delivered']).toContain(answer.body.status)
      return answer
    })
    expect(statuses('send')).toEqual([202, 202, 202])
    await until(async () => (await world.shown(id, CONTACT)).length === 3, 'all arrive')
    expect(await world.shown(id, CONTACT)).toEqual(['number 0', 'number 1', 'number 2'])

    await everywhere('edit', () => world.call('PATCH', `${path}/messages/${ids[0]}`, { content: { text: 'changed' } }))
    expect(answers.get('edit')).toMatchObject(Array(3).fill({ status: 202, body: { content: { text: 'changed' } } }))
    await everywhere('presence', () => world.call('POST', `${path}/presence`, { chat_id: CONTACT, state: 'composing' }))
    expect(statuses('presence')).toEqual([202, 202, 202])
    await everywhere('check', () => world.call('POST', `${path}/contacts/check`, { phones: [CONTACT] }))
    expect(new Set(answers.get('check')!.map(each => JSON.stringify(each))).size).toBe(1)
    expect(answers.get('check')![0]).toMatchObject({ status: 200, body: { data: [{ exists: true }] } })
    await everywhere('update', () => world.call('PATCH', path, { config: { auto_reconnect: true } }))
    expect(statuses('update')).toEqual([200, 200, 200])

    for (const server of world.servers) {
      world.at = server
      expect((await world.call('POST', `${path}/disconnect`)).body).toMatchObject({ state: 'disconnected' })
      expect((await world.call('POST', `${path}/connect`)).body).toMatchObject({ status: { state: 'connected' } })
    }
    world.at = world.servers[1]!
    expect((await world.call('DELETE', path)).status).toBe(204)
    for (const server of world.servers) {
      world.at = server
      expect((await world.call('GET', path)).status).toBe(404)
    }
    world.at = null
    expect(await world.network.counters()).toMatchObject({ replaced: 0, late: 0 })
  }, 120_000)
})

describe('300 sends at once over three nodes, of a plan with 100', () => {
  const RUNS = 3

  it(`are 100 times 202 and 200 times 402, ${RUNS} times; and each number of the quota is told once`, async () => {
    for (let run = 0; run < RUNS; run++) {
      const headers = {
        'x-api-key': await world.server.createTenant(`Counted${run}`),
        'content-type': 'application/json',
      }
      const call = (path: string, body: object, node = 0) =>
        fetch(`${world.servers[node % 3]!.url}/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
      const { id } = (await (await call('/instances', { name: 'counted' })).json()) as { id: string }
      const { qr } = (await (await call(`/instances/${id}/connect`, {}, 1)).json()) as { qr: string }
      await world.network.scan(id, { qr })
      const state = () => world.rows<{ state: string }>('select state from instance where id = $1', [id])
      await until(async () => (await state())[0]!.state === 'connected', 'connected')
      const message = (text: string) => ({ chat_id: CONTACT, type: 'text', content: { text } })
      const answers = await Promise.all(
        Array.from({ length: 300 }, async (_, n) => {
          // A server that has more to do than it can has taken nothing, and says when to come again.
          for (let tries = 0; ; tries++) {
            const answer = await call(`/instances/${id}/messages`, message(`number ${n}`), n)
            if (answer.status !== 503 || tries === 20) return answer
            await sleep(Number(answer.headers.get('retry-after')) * 1000)
          }
        }),
      )
      const of = (status: number) => answers.filter(answer => answer.status === status)
      expect([of(202).length, of(402).length]).toEqual([100, 200])
      const told = of(202).map(answer => Number(answer.headers.get('x-quota-remaining')))
      expect(told.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, n) => n))
      await until(async () => (await world.shown(id, CONTACT)).length === 100, 'the contact has them')
      const [usage] = await world.rows<{ used: number }>(
        'select used::int from usage where tenant_id = (select tenant_id from instance where id = $1)',
        [id],
      )
      expect(usage!.used).toBe(100)
    }
  }, 180_000)
})
