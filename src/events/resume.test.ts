import { expect, it } from 'vitest'
import { createBus } from './bus.ts'
import type { HouseEvent } from './catalogue.ts'
import { resume } from './resume.ts'

const event = (seq: number): HouseEvent => ({
  id: `evt_${seq}`,
  type: 'message.status',
  tenantId: 't',
  instanceId: 'i',
  about: 'm',
  seq,
  at: new Date(0),
  data: { message_id: 'm', chat_id: 'c', status: 'sent', error: null },
  webhooks: [],
  subject: {},
})
const open = (bus = createBus()) => {
  const live = bus.subscribe<'message.status', unknown>({ tenantId: 't', instanceId: 'i', type: 'message.status' })
  return { bus, live: live as AsyncIterableIterator<HouseEvent> }
}
const take = async (events: AsyncIterableIterator<HouseEvent>, count: number) => {
  const seen: number[] = []
  while (seen.length < count) seen.push((await events.next()).value.seq)
  return seen
}

it('gives what was missed and what comes meanwhile, each once and in order', async () => {
  const { bus, live } = open()
  const committed = [1, 2, 3, 4, 5].map(event)
  const events = resume(live, {
    seq: 2,
    read: async seq => {
      // Committed and published while the missed ones are read.
      if (committed.length < 8) {
        committed.push(event(committed.length + 1))
        bus.publish(committed.at(-1)!)
      }
      const events = committed.filter(each => each.seq > seq).slice(0, 2)
      return { events, seq: events.at(-1)?.seq ?? seq, more: events.length === 2 }
    },
  })
  const seen = take(events, 8)
  bus.publish(event(5))
  expect((await take(events, 0)).length).toBe(0)
  setTimeout(() => bus.publish(event(9), event(10)), 20)
  expect(await seen).toEqual([3, 4, 5, 6, 7, 8, 9, 10])
})

it('ends at once when its reader leaves, also while it waits', async () => {
  const { bus, live } = open()
  const events = resume(live, { seq: 0, read: async seq => ({ events: [], seq, more: false }) })
  const waiting = events.next()
  await events.return!()
  expect(await waiting).toEqual({ value: undefined, done: true })
  expect(bus.size).toBe(0)
})

it('ends with the error when what was missed cannot be read', async () => {
  const { bus, live } = open()
  const events = resume(live, { seq: 0, read: () => Promise.reject(new Error('away')) })
  await expect(events.next()).rejects.toThrow('away')
  expect(bus.size).toBe(0)
})
