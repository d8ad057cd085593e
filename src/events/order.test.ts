import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Order } from './order.ts'

const line = () => {
  const given: number[] = []
  const order = new Order<{ instanceId: string; seq: number }>(event => given.push(event.seq))
  const push = (...seqs: number[]) => {
    for (const seq of seqs) order.push({ instanceId: 'i', seq })
  }
  return { given, order, push }
}

it('delivers in the order of the counts, whichever way round the events come', () => {
  const { given, push } = line()
  push(5, 7, 8, 6, 9)
  expect(given).toEqual([5, 6, 7, 8, 9])
})

it('waits a moment for the one that is missing, and then for no longer', async () => {
  const { given, push } = line()
  push(1, 4, 3)
  expect(given).toEqual([1])
  await sleep(200)
  expect(given).toEqual([1, 3, 4])
  push(2, 5)
  expect(given).toEqual([1, 3, 4, 2, 5])
})

it('holds back no other instance', () => {
  const { given, order, push } = line()
  push(1, 3)
  order.push({ instanceId: 'other', seq: 40 })
  expect(given).toEqual([1, 40])
  order.close()
})

it('holds no more than a hundred', () => {
  const { given, push } = line()
  push(1, ...Array.from({ length: 101 }, (_, i) => i + 3))
  expect(given).toHaveLength(102)
})
