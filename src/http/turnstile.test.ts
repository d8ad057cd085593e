import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Pass } from '../context.ts'
import type { ApiError } from '../errors.ts'
import { Turnstile } from './turnstile.ts'

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => vi.useRealTimers())

const open = (atOnce: number) => new Turnstile({ atOnce, log: pino({ level: 'silent' }), heapShare: () => 0 })

interface Try {
  pass: Pass | null
  refusedMs: number | null
}

function comes(turnstile: Turnstile, who: string): Try {
  const tried: Try = { pass: null, refusedMs: null }
  const take = (pass: Pass) => {
    tried.pass = pass
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

  it('that stands keeps who has their share inside for 15 ms, and who has not for 35', async () => {
    const turnstile = open(2)
    const [inside] = [comes(turnstile, 'flood'), comes(turnstile, 'flood')]
    const first = comes(turnstile, 'flood')
    await pass(1000)
    expect(first.refusedMs).not.toBeNull()
    const [flood, other] = [comes(turnstile, 'flood'), comes(turnstile, 'other')]
    await pass(20)
    expect([flood.refusedMs !== null, other.refusedMs]).toEqual([true, null])
    await pass(20)
    expect(other.refusedMs).not.toBeNull()
    const next = comes(turnstile, 'other')
    inside!.pass!.leave()
    await pass(0)
    expect(next.pass).not.toBeNull()
  })

  it('is a burst again once for a second nobody had to wait', async () => {
    const turnstile = open(1)
    const inside = comes(turnstile, 'a')
    comes(turnstile, 'a')
    await pass(1000)
    const meanwhile = comes(turnstile, 'a')
    await pass(40)
    expect(meanwhile.refusedMs).not.toBeNull()
    await pass(1000)
    const later = comes(turnstile, 'a')
    await pass(500)
    expect(later.refusedMs).toBeNull()
    inside.pass!.leave()
    await pass(0)
    expect(later.pass).not.toBeNull()
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
