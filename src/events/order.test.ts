import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Order } from './order.ts'

interface Event {
  instanceId: string
  seq: number
}

const line = (read?: (after: number) => Promise<number[]>) => {
  const given: number[] = []
  const reading =
    read && (async (_: string, after: number) => (await read(after)).map(seq => ({ instanceId: 'i', seq })))
  const order = new Order<Event>(event => given.push(event.seq), reading)
  const leave = order.watch('i')
  const push = (...seqs: number[]) => {
    for (const seq of seqs) order.push({ instanceId: 'i', seq })
  }
  const until = async (count: number) => {
    while (given.length < count) await sleep(5)
  }
  return { given, order, push, leave, until }
}

it('delivers in the order of the counts, whichever way round the events come', () => {
  const { given, push } = line()
  push(5, 7, 8, 6, 9)
  expect(given).toEqual([5, 6, 7, 8, 9])
})

it('reads what is missing after a moment, and delivers each once', async () => {
  const asked: number[] = []
  const { given, push, until } = line(async after => {
    asked.push(after)
    return [2, 3, 4].filter(seq => seq > after)
  })
  push(1, 4, 3)
  expect(given).toEqual([1])
  await until(4)
  push(2, 4, 5)
  expect(given).toEqual([1, 2, 3, 4, 5])
  expect(asked).toEqual([1])
})

it('goes on without what is kept no longer', async () => {
  const { given, push, until } = line()
  push(1, 4, 3)
  await until(3)
  push(5)
  expect(given).toEqual([1, 3, 4, 5])
})

it('reads at once what it hears of, page by page, and what happened meanwhile', async () => {
  let last = 3
  const { given, order, until } = line(async after => {
    const page = [after + 1, after + 2].filter(seq => seq <= last)
    last = 6
    return page
  })
  order.startAt('i', 0)
  order.hear({ instanceId: 'i', seq: 3 })
  order.hear({ instanceId: 'i', seq: 6 })
  await until(6)
  expect(given).toEqual([1, 2, 3, 4, 5, 6])
})

it('reads again after a failure', async () => {
  let failures = 1
  const { given, order, until } = line(async () => {
    if (failures-- > 0) throw new Error('the database is away')
    return [8]
  })
  order.hear({ instanceId: 'i', seq: 8 })
  await sleep(20)
  order.hear({ instanceId: 'i', seq: 8 })
  await until(1)
  expect(given).toEqual([8])
})

it('begins after what had happened before, and knows nothing of what nobody watches', () => {
  const { given, order, push, leave } = line()
  order.startAt('i', 5)
  push(5, 6)
  order.push({ instanceId: 'other', seq: 40 })
  expect(given).toEqual([6])
  leave()
  expect(order.watched).toEqual([])
  push(7)
  expect(given).toEqual([6])
})

it('keeps from nobody what is still to come when somebody else begins after it', () => {
  const { given, order, push } = line()
  order.startAt('i', 0)
  push(1)
  // The second has happened, and is not told yet.
  order.watch('i')
  order.startAt('i', 2)
  push(2, 3)
  expect(given).toEqual([1, 2, 3])
})

it('holds no more than a hundred', async () => {
  const { given, push, until } = line()
  push(1, ...Array.from({ length: 101 }, (_, i) => i + 3))
  await until(102)
  expect(given).toHaveLength(102)
})
