import { expect, it } from 'vitest'
import { createBus } from './bus.ts'
import type { HouseEvent } from './catalogue.ts'

const event = (over: Partial<HouseEvent> = {}): HouseEvent => ({
  id: 'evt_1',
  type: 'message.status',
  tenantId: 't',
  instanceId: 'i',
  about: 'm',
  seq: 1,
  at: new Date(0),
  data: { message_id: 'm', chat_id: 'c', status: 'sent', error: null },
  webhooks: [],
  subject: {},
  ...over,
})
const filter = { tenantId: 't', instanceId: 'i', type: 'message.status' } as const

it('gives a subscriber the events of its tenant, instance and type, in order, and no others', async () => {
  const bus = createBus()
  const stream = bus.subscribe(filter)
  bus.publish(event({ tenantId: 'other' }), event({ instanceId: 'other' }), event({ type: 'qr.updated' }))
  bus.publish(event({ id: 'evt_2', seq: 2 }), event({ id: 'evt_3', seq: 3 }))
  expect((await stream.next()).value.id).toBe('evt_2')
  expect((await stream.next()).value.id).toBe('evt_3')
})

it('ends a stream that fell too far behind with an error instead of growing', async () => {
  const bus = createBus()
  const stream = bus.subscribe(filter)
  for (let seq = 1; seq <= 1001; seq++) bus.publish(event({ seq }))
  expect(bus.size).toBe(0)
  await expect(stream.next()).rejects.toThrow('behind')
})

it('forgets a stream that its reader has left, and ends all on close', async () => {
  const bus = createBus()
  const left = bus.subscribe(filter)
  const open = bus.subscribe(filter)
  await left.return!()
  expect(bus.size).toBe(1)
  const waiting = open.next()
  bus.close()
  expect(await waiting).toEqual({ value: undefined, done: true })
  expect(bus.size).toBe(0)
})

it('tells a waiter the next event about one thing, or null when the time is over or it gives up', async () => {
  const bus = createBus()
  const accepted = bus.next('m', { instanceId: 'i', accept: ({ id }) => id === 'evt_2', timeoutMs: 1000 })
  bus.publish(event(), event({ about: 'other', id: 'evt_2' }), event({ id: 'evt_2' }))
  expect((await accepted.event)?.about).toBe('m')
  expect(await bus.next('m', { instanceId: 'i', accept: () => true, timeoutMs: 1 }).event).toBeNull()
  const given = bus.next('m', { instanceId: 'i', accept: () => true, timeoutMs: 60_000 })
  given.cancel()
  expect(await given.event).toBeNull()
})
