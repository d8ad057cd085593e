import { expect, it } from 'vitest'
import { DatabaseClock } from './clock.ts'

const HOUR_MS = 3_600_000
const look = (databaseMs: number, tookMs: number) => {
  const gotMs = performance.now()
  return { sentMs: gotMs - tookMs, gotMs, databaseMs: databaseMs - tookMs / 2 }
}

it('tells the time of the database, whatever this machine says', () => {
  const clock = new DatabaseClock()
  const atMs = Date.now() - 5 * HOUR_MS
  clock.take(look(atMs, 2))
  expect(Math.abs(clock.nowMs() - atMs)).toBeLessThan(50)
  expect(clock.now().getTime()).toBeLessThan(Date.now() - 4 * HOUR_MS)
})

it('believes the quickest look, for a slow one may be wrong by all that it took', () => {
  const clock = new DatabaseClock()
  clock.take(look(1_000_000, 1))
  const before = clock.nowMs()
  clock.take({ ...look(1_000_000, 400), databaseMs: 1_000_000 + 150 })
  expect(clock.nowMs() - before).toBeLessThan(50)
})

it('follows at once when the clock of the database is set, forth or back', () => {
  const clock = new DatabaseClock()
  for (const atMs of [10 * HOUR_MS, 11 * HOUR_MS, 9 * HOUR_MS]) {
    clock.take(look(atMs, 3))
    expect(Math.abs(clock.nowMs() - atMs)).toBeLessThan(50)
  }
})
