import { describe, expect, it } from 'vitest'
import { Slots } from './slots.ts'

const settled = async <T>(promise: Promise<T>): Promise<T | 'waits'> =>
  Promise.race([promise, new Promise<'waits'>(resolve => setImmediate(resolve, 'waits'))])

describe('slots', () => {
  it('give one tenant half of them at most, and each further one a part of what is left', async () => {
    const slots = new Slots(64)
    const held: Record<string, number> = {}
    for (let round = 0; round < 10; round++) {
      const given = await settled(slots.take('first', 10))
      if (given !== 'waits') held.first = (held.first ?? 0) + given
    }
    expect(held.first).toBe(32)
    for (const tenant of ['second', 'third', 'fourth']) expect(await settled(slots.take(tenant, 4))).toBe(4)
  })

  it('go to who waits as soon as they are free, and none is lost', async () => {
    const slots = new Slots(2)
    expect(await slots.take('a', 5)).toBe(1)
    const waiting = slots.take('a', 5)
    expect(await settled(waiting)).toBe('waits')
    expect(await slots.take('b', 5)).toBe(1)
    slots.release('a', 1)
    expect(await waiting).toBe(1)
    const next = slots.take('a', 1)
    expect(await settled(next)).toBe('waits')
    slots.release('b', 1)
    slots.release('a', 1)
    expect(await next).toBe(1)
  })
})
