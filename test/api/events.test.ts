import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EventData, EventType } from '../../src/events/catalogue.ts'
import { record } from '../../src/events/record.ts'
import { tidyEventsDue } from '../../src/resolvers/events/tidyEventsDue.ts'
import { type Caller, type Json, openTestApp, type TestApp } from '../support/app.ts'

let wataki: TestApp
let acme: Caller
let other: Caller
beforeAll(async () => {
  wataki = await openTestApp()
  acme = await wataki.tenant()
  other = await wataki.tenant()
})
afterAll(() => wataki.close())

let made = 0
async function newInstance(caller = acme): Promise<string> {
  return (await caller.post('/v1/instances', { name: `bot ${++made}` })).body.id
}
const DAY_MS = 24 * 3600 * 1000

async function happened(instanceId: string, type: EventType = 'connection.update', caller = acme): Promise<string> {
  const data: EventData['connection.update'] = { state: 'connected', last_error: null, updated_at: 'now' }
  const { id } = await record(wataki.app.db.sql, wataki.app.clock, {
    type,
    tenantId: caller.tenantId,
    instanceId,
    about: instanceId,
    data: data as never,
    subject: null,
  })
  return id
}

describe('GET /v1/instances/{instance_id}/events', () => {
  it('gives what happened after the event that the caller has, oldest first, with its count', async () => {
    const bot = await newInstance()
    const ids: string[] = []
    for (let i = 0; i < 5; i++) ids.push(await happened(bot))
    const path = `/v1/instances/${bot}/events`
    const all = await acme.get(path)
    expect(all.body.data[0]).toEqual({
      id: ids[0],
      event: 'connection.update',
      instance_id: bot,
      seq: 1,
      timestamp: expect.stringMatching(/\.\d{3}Z$/),
      data: { state: 'connected', last_error: null, updated_at: 'now' },
    })
    expect(all.body.data.map((each: Json) => [each.id, each.seq])).toEqual(ids.map((id, i) => [id, i + 1]))
    expect(all.body.page).toEqual({ next_cursor: null })
    const page = await acme.get(`${path}?after=${ids[1]}&limit=2`)
    expect(page.body.data.map((each: Json) => each.id)).toEqual([ids[2], ids[3]])
    expect(page.body.page).toEqual({ next_cursor: ids[3] })
    const rest = await acme.get(`${path}?after=${page.body.page.next_cursor}`)
    expect(rest.body.data.map((each: Json) => each.id)).toEqual([ids[4]])
  })

  it('has a dotted word for each kind on REST, and the same with an underscore in GraphQL; data is the same', async () => {
    const bot = await newInstance()
    for (const type of ['message.received', 'qr.updated'] as const) await happened(bot, type)
    const rest = (await acme.get(`/v1/instances/${bot}/events`)).body.data
    expect(rest.map((each: Json) => each.event)).toEqual(['message.received', 'qr.updated'])
    const { data } = await acme.graphql(`{ events(instanceId: "${bot}") { data { event seq data } } }`)
    expect(data.events.data).toEqual([
      { event: 'message_received', seq: 1, data: rest[0].data },
      { event: 'qr_updated', seq: 2, data: rest[1].data },
    ])
    const document = (await acme.get('/v1/openapi.json')).body
    expect(document.components.schemas.EventType.enum).toContain('message.received')
  })

  it('refuses an `after` that is unknown, of another instance, of another tenant, or too old', async () => {
    const [bot, second, theirs] = [await newInstance(), await newInstance(), await newInstance(other)]
    await happened(bot)
    const old = await happened(bot)
    const young = await happened(bot)
    await wataki.app.db.sql.query(
      'update event set created_at = $2, kept_until = now() where instance_id = $1 and seq <= 2',
      [bot, new Date(Date.now() - 7 * DAY_MS - 1000)],
    )
    await wataki.app.db.sql.query('update event set created_at = $2 where instance_id = $1 and seq = 3', [
      bot,
      new Date(Date.now() - 7 * DAY_MS + 60_000),
    ])
    await tidyEventsDue(wataki.app)
    const kept = (await acme.get(`/v1/instances/${bot}/events`)).body.data
    expect(kept.map((each: Json) => each.id)).toEqual([young])
    const bad = [
      old,
      'x',
      'evt_01m84k41q5bzehev0j4g4kfb1t',
      await happened(second),
      await happened(theirs, undefined, other),
    ]
    for (const after of bad) {
      const { status, body } = await acme.get(`/v1/instances/${bot}/events?after=${after}`)
      expect([status, Object.keys(body.error.details)], after).toEqual([400, ['after']])
    }
    const foreign = await other.get(`/v1/instances/${bot}/events`)
    expect(foreign.status).toBe(404)
  })
})
