import { expect, it } from 'vitest'
import { advance, type MessageStatus, passed } from './status.ts'

const ALL: MessageStatus[] = ['pending', 'sent', 'delivered', 'read', 'failed']
const ORDER = ['pending', 'sent', 'delivered', 'read']

it('goes pending → sent → delivered → read, also when a step was not heard', () => {
  for (const [from, now] of ORDER.entries())
    for (const next of ORDER.slice(from)) expect(advance(now as MessageStatus, next as MessageStatus)).toBe(next)
})

it('never goes back, whatever order and number of receipts', () => {
  let seed = 1
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647
  for (let round = 0; round < 10_000; round++) {
    let now: MessageStatus = 'pending'
    for (let step = 0; step < 6; step++) {
      const next = advance(now, ALL[Math.floor(random() * ALL.length)]!)
      if (now === 'failed') expect(next).toBe('failed')
      else if (next !== 'failed') expect(ORDER.indexOf(next)).toBeGreaterThanOrEqual(ORDER.indexOf(now))
      now = next
    }
  }
})

it('fails only what WhatsApp has not taken', () => {
  expect(advance('pending', 'failed')).toBe('failed')
  for (const taken of ['sent', 'delivered', 'read'] as const) expect(advance(taken, 'failed')).toBe(taken)
})

it('names what a message skips, which it has reached all the same', () => {
  expect(passed('pending', 'read')).toEqual(['sent', 'delivered'])
  expect(passed('sent', 'read')).toEqual(['delivered'])
  expect(passed('sent', 'delivered')).toEqual([])
  expect(passed('pending', 'failed')).toEqual([])
})
