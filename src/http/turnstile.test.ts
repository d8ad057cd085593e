import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Pass } from '../context.ts'
import type { ApiError } from '../errors.ts'
import { Turnstile } from './turnstile.ts'

let inside: Pass[] = []
beforeEach(() => {
  inside = []
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => vi.useRealTimers())

const open = (atOnce: number) => new Turnstile({ atOnce, log: pino({ level: 'silent' }), heapShare: () => 0 })

interface Try {
  cameMs: number
  pass: Pass | null
  passedMs: number | null
  refusedMs: number | null
}

function comes(turnstile: Turnstile, who: string): Try {
  const tried: Try = { cameMs: performance.now(), pass: null, passedMs: null, refusedMs: null }
  const take = (pass: Pass) => {
    tried.pass = pass
    inside.push(pass)
    tried.passedMs = performance.now()
  }
  const refused = (error: unknown) => {
    expect((error as ApiError).code).toBe('unavailable')
    tried.refusedMs = performance.now()
  }
  try {
    const entered = turnstile.enter(who)
    if (entered instanceof Promise) entered.then(take, refused)
    else take(entered)
  } catch (error) {
    refused(error)
  }
  return tried
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

const WORK_MS = 4

/** Of `a`, with one place: two come for each that is done. */
async function twiceAsMuch(turnstile: Turnstile, forMs: number): Promise<Try[]> {
  const all: Try[] = []
  for (let ms = 0; ms < forMs; ms += WORK_MS) {
    all.push(comes(turnstile, 'a'), comes(turnstile, 'a'))
    await pass(WORK_MS)
    await leave()
  }
  return all
}

/** Who was first of those inside; the next one goes in. */
async function leave(): Promise<void> {
  inside.shift()?.leave()
  await pass(0)
}

const isWaiting = ({ pass, refusedMs }: Try) => pass === null && refusedMs === null
const isRefused = ({ refusedMs }: Try) => refusedMs !== null

describe('a line', () => {
  it('that is a burst waits for up to a second, and goes in as places are given back', async () => {
    const turnstile = open(1)
    const all = Array.from({ length: 9 }, () => comes(turnstile, 'a'))
    for (const each of all) {
      await pass(100)
      expect([each.pass !== null, each.refusedMs]).toEqual([true, null])
      each.pass!.leave()
    }
    expect([turnstile.busy, turnstile.waiting, turnstile.refused]).toEqual([0, 0, 0])
  })

  it('that was a burst and stands now is served all the same, and who comes then is refused on the spot', async () => {
    const turnstile = open(1)
    const all = await twiceAsMuch(turnstile, 2000)
    const refused = all.filter(isRefused)
    expect(refused.length).toBeGreaterThan(200)
    // The two that came last have waited for a whole second.
    expect(refused.filter(({ refusedMs, cameMs }) => refusedMs !== cameMs).length).toBeLessThanOrEqual(2)
    expect(Math.min(...refused.map(({ cameMs }) => cameMs - all[0]!.cameMs))).toBeGreaterThanOrEqual(1000)
  })

  it('that stands is kept to 100 ms: who would wait longer hears of it at once, and no less is done', async () => {
    const turnstile = open(1)
    await twiceAsMuch(turnstile, 2000)
    const all = await twiceAsMuch(turnstile, 2000)
    expect(all.filter(isRefused).filter(({ refusedMs, cameMs }) => refusedMs !== cameMs)).toEqual([])
    const done = all.filter(({ passedMs }) => passedMs !== null)
    expect(done.length + 100 / WORK_MS).toBeGreaterThan(2000 / WORK_MS - 10)
    expect(Math.max(...done.map(({ passedMs, cameMs }) => passedMs! - cameMs))).toBeLessThanOrEqual(100 + WORK_MS)
  })

  it('takes the workers of one caller who each wait for an answer, for as long as they want', async () => {
    const turnstile = open(6)
    const WORKERS = 20
    const workers: Try[] = []
    const all: Try[] = []
    for (let ms = 0; ms < 5000; ms += WORK_MS * 5) {
      while (workers.length < WORKERS) all.push(workers[workers.push(comes(turnstile, 'a')) - 1]!)
      await pass(WORK_MS * 5)
      for (const done of workers.filter(({ pass }) => pass !== null)) {
        workers.splice(workers.indexOf(done), 1)
        await leave()
      }
    }
    expect(all.length).toBeGreaterThan(1000)
    expect(all.filter(isRefused)).toEqual([])
  })

  it('that stands is given up after 500 ms when nothing is done any more, and then takes sixteen', async () => {
    const turnstile = open(1)
    const waiting = (await twiceAsMuch(turnstile, 3000)).filter(isWaiting)
    expect(waiting.length).toBeGreaterThan(1)
    await pass(550)
    for (const { cameMs, refusedMs } of waiting) {
      expect(refusedMs! - cameMs).toBeGreaterThanOrEqual(500)
      expect(refusedMs! - cameMs).toBeLessThanOrEqual(500 + 10)
    }
    comes(turnstile, 'a')
    await pass(520)
    const later = Array.from({ length: 20 }, () => comes(turnstile, 'a'))
    expect(later.filter(isRefused)).toEqual(later.slice(16))
  })

  it('that stands takes who has none in it in place of the last of who has most', async () => {
    const turnstile = open(1)
    const stood = await twiceAsMuch(turnstile, 3000)
    while (!isRefused(stood.at(-1)!)) stood.push(comes(turnstile, 'a'))
    const last = stood.findLast(isWaiting)!
    const others = Array.from({ length: 30 }, () => comes(turnstile, 'b'))
    await pass(0)
    expect(isRefused(last)).toBe(true)
    const shares = [stood, others].map(each => each.filter(isWaiting).length)
    expect(Math.abs(shares[0]! - shares[1]!)).toBeLessThanOrEqual(1)
  })

  it('of one caller leaves a fifth of the places to the others, who wait for nothing', async () => {
    const turnstile = open(10)
    const all = Array.from({ length: 20 }, () => comes(turnstile, 'a'))
    const others = [comes(turnstile, 'b'), comes(turnstile, 'c'), comes(turnstile, 'd')]
    await pass(0)
    expect(all.filter(({ pass }) => pass !== null)).toHaveLength(8)
    expect(others.map(({ pass }) => pass !== null)).toEqual([true, true, false])
    await leave()
    expect(others[2]!.pass).not.toBeNull()
    await leave()
    expect([turnstile.busy, all.filter(({ pass }) => pass !== null).length]).toEqual([10, 9])
  })

  it('that stands has an even part for each: of those refused, few had been given a place in it', async () => {
    const turnstile = open(1)
    const all: Try[] = []
    for (let ms = 0; ms < 4000; ms += WORK_MS) {
      for (const who of ['a', 'a', 'a', 'b']) {
        const came = comes(turnstile, who)
        if (ms >= 2000) all.push(came)
        await pass(WORK_MS / 4)
      }
      await leave()
    }
    const refused = all.filter(isRefused)
    const late = refused.filter(({ refusedMs, cameMs }) => refusedMs !== cameMs)
    expect(refused.length).toBeGreaterThan(1000)
    expect(late.length / refused.length).toBeLessThan(0.05)
  })

  it('that stands moves for who has a slow request inside, too', async () => {
    const turnstile = open(5)
    const slow = comes(turnstile, 'slow').pass!
    inside = inside.filter(each => each !== slow)
    const all: Try[] = []
    for (let ms = 0; ms < 3000; ms += WORK_MS) {
      for (const who of ['a', 'b', 'c', 'd', 'e', 'f']) comes(turnstile, who)
      if (ms >= 2000) all.push(comes(turnstile, 'slow'))
      await pass(WORK_MS)
      for (let n = 0; n < 2; n++) await leave()
    }
    expect(all.filter(({ pass }) => pass !== null).length).toBeGreaterThan(10)
  })

  it('is a burst again once for a second nobody had to wait, and may stand for a tenth of the time since then', async () => {
    const turnstile = open(1)
    const burstAfter = async (calmMs: number) => {
      await twiceAsMuch(turnstile, 2000)
      while (turnstile.busy > 0) await leave()
      await pass(calmMs)
      const burst = Array.from({ length: 50 }, () => comes(turnstile, 'a'))
      await pass(0.07 * calmMs)
      expect(burst.some(isRefused)).toBe(false)
      await pass(0.05 * calmMs)
      expect(burst.filter(isWaiting)).toEqual([])
    }
    await burstAfter(6000)
    await burstAfter(8000)
  })
})

describe('who waits for somebody else', () => {
  it('keeps no place, and needs none to go on', async () => {
    const turnstile = open(1)
    const first = comes(turnstile, 'a')
    const answer = Promise.withResolvers<string>()
    const waiting = first.pass!.aside(answer.promise)
    const second = comes(turnstile, 'a')
    expect([second.pass !== null, turnstile.busy]).toEqual([true, 1])
    answer.resolve('it')
    expect(await waiting).toBe('it')
    expect(turnstile.busy).toBe(2)
    first.pass!.leave()
    second.pass!.leave()
    expect(turnstile.busy).toBe(0)
  })

  it('for a body takes a place again, before who comes new', async () => {
    const turnstile = open(1)
    const first = comes(turnstile, 'a')
    const body = Promise.withResolvers<void>()
    let arrived = false
    const reading = first.pass!.arrive(body.promise).then(() => (arrived = true))
    const second = comes(turnstile, 'b')
    const third = comes(turnstile, 'c')
    body.resolve()
    await pass(0)
    expect([arrived, turnstile.busy]).toEqual([false, 1])
    second.pass!.leave()
    await reading
    expect([third.pass, turnstile.busy]).toEqual([null, 1])
    first.pass!.leave()
    await pass(0)
    expect(third.pass).not.toBeNull()
  })

  it('in several of its parts is counted once, and leaves as one', async () => {
    const turnstile = open(2)
    const { pass: both } = comes(turnstile, 'a')
    const [one, two] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const parts = [both!.aside(one.promise), both!.aside(two.promise)]
    expect(turnstile.busy).toBe(0)
    one.resolve()
    await parts[0]
    both!.leave()
    two.resolve()
    await parts[1]
    expect(turnstile.busy).toBe(0)
  })

  it('is one of 2,000 at most', () => {
    const turnstile = open(1)
    const never = new Promise<void>(() => {})
    for (let n = 0; n < 2000; n++) void comes(turnstile, 'a').pass!.aside(never)
    expect(comes(turnstile, 'b').refusedMs).not.toBeNull()
  })
})
