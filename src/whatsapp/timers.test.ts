import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { SocketTimers } from './timers.ts'
import { leaveScope, runInScope } from './trust.ts'

const scopeOf = (timers: SocketTimers) => ({ rootKey: null, crashed: () => {}, timers })
const never = () => expect.unreachable()
const isOver = (timer: NodeJS.Timeout) => (timer as { _destroyed?: boolean })._destroyed

test('the late timers that a socket begins end with it, also those it begins afterwards', async () => {
  const timers = new SocketTimers()
  const begin = async () => {
    const first = [setTimeout(never, 30_000), setInterval(never, 30_000)]
    await sleep(1)
    return [...first, setTimeout(never, 30_000)]
  }
  const begun = await runInScope(scopeOf(timers), begin)
  expect(begun.map(isOver)).toEqual([false, false, false])
  timers.end()
  expect(begun.map(isOver)).toEqual([true, true, true])
  expect((await runInScope(scopeOf(timers), begin)).map(isOver)).toEqual([true, true, true])
})

test('timers of others are left alone: of another socket, and of what has left the scope', () => {
  const [mine, theirs] = [new SocketTimers(), new SocketTimers()]
  const begun = [
    setTimeout(never, 30_000),
    runInScope(scopeOf(theirs), () => setTimeout(never, 30_000)),
    runInScope(scopeOf(mine), () => leaveScope(() => setTimeout(never, 30_000))),
  ]
  mine.end()
  expect(begun.map(isOver)).toEqual([false, false, false])
  begun.forEach(clearTimeout)
})

test('those that are over are not kept', () => {
  const timers = new SocketTimers()
  runInScope(scopeOf(timers), () => {
    const waiting = setTimeout(never, 30_000)
    for (let i = 0; i < 10_000; i++) clearTimeout(setTimeout(never, 30_000))
    expect(timers.size).toBeLessThan(100)
    expect(isOver(waiting)).toBe(false)
    timers.end()
    expect(isOver(waiting)).toBe(true)
  })
})

test('setTimeout does what it did: arguments, and as a promise', async () => {
  const timers = new SocketTimers()
  const heard = await runInScope(scopeOf(timers), () =>
    Promise.all([new Promise(resolve => setTimeout(resolve, 1000, 'late')), promisify(setTimeout)(1, 'promised')]),
  )
  expect(heard).toEqual(['late', 'promised'])
})
