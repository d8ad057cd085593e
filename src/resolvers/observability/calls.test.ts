import { describe, expect, it } from 'vitest'
import { TIME_COLUMNS } from '../../db/queries/api-rollups.ts'
import { type Call, Calls } from './calls.ts'
import { ENDS_MS, quantileMs, STEPS, stepOf } from './histogram.ts'
import { uptimeRatio } from './instanceHealth.ts'

const call = (given: Partial<Call> = {}): Call => ({
  tenantId: 'ten_1',
  method: 'GET',
  route: '/v1/instances',
  at: new Date('2026-03-10T12:59:59.999Z'),
  tookMs: 4,
  error: null,
  ...given,
})

describe('calls between two writings', () => {
  it('are counted by tenant, route and hour', () => {
    const calls = new Calls()
    calls.note(call())
    calls.note(call({ error: { code: 'not_found', message: 'message not found' } }))
    calls.note(call({ at: new Date('2026-03-10T13:00:00.000Z') }))
    calls.note(call({ tenantId: 'ten_2', route: null, tookMs: null }))
    const { counts, errors } = calls.take()!
    const told = (grain: string) =>
      counts
        .filter(count => count.grain === grain)
        .map(({ tenantId, hour, requests, errors, times }) => [
          ...[tenantId, hour.getUTCHours(), requests, errors, times[stepOf(4)]],
        ])
    expect(told('route_hour')).toEqual([
      ['ten_1', 12, 2, 1, 2],
      ['ten_1', 13, 1, 0, 1],
      ['ten_2', 12, 1, 0, 0],
    ])
    expect(told('hour')).toEqual(told('route_hour'))
    expect(told('route_day')).toEqual([
      ['ten_1', 0, 3, 1, 3],
      ['ten_2', 0, 1, 0, 0],
    ])
    expect(errors).toMatchObject([{ tenantId: 'ten_1', code: 'not_found' }])
  })

  it('are handed out as one batch until it is known to be written, and what comes meanwhile as the next', () => {
    const calls = new Calls()
    calls.note(call())
    const first = calls.take()!
    calls.note(call())
    expect(calls.take()).toBe(first)
    calls.written(first)
    const second = calls.take()!
    expect([second.id === first.id, second.counts[0]!.requests]).toEqual([false, 1])
    calls.written(first)
    expect(calls.take()).toBe(second)
    calls.written(second)
    expect(calls.take()).toBeNull()
  })

  it('take no more memory than there is a bound for', () => {
    const calls = new Calls()
    for (let i = 0; i < 11_000; i++) calls.note(call({ tenantId: `ten_${i}` }))
    for (let i = 0; i < 30; i++) calls.note(call({ tenantId: 'ten_0', error: { code: `${i}`, message: '' } }))
    const { counts, errors } = calls.take()!
    expect(counts).toHaveLength(30_000)
    expect(errors.map(({ code }) => Number(code))).toEqual(Array.from({ length: 20 }, (_, i) => i + 10))
  })
})

describe('how long calls took', () => {
  it('is told from steps, one for each column of the table', () => {
    expect(STEPS).toBe(TIME_COLUMNS)
    expect([0, 0.99, 1, 29_999, 30_000, 1e9].map(stepOf)).toEqual([0, 0, 1, 23, 24, 24])
    expect([...ENDS_MS].sort((a, b) => a - b)).toEqual(ENDS_MS)
  })

  it('lies within a step of the truth', () => {
    const took = Array.from({ length: 1000 }, (_, i) => 1.01 ** i / 10)
    const counts = new Array(STEPS).fill(0)
    for (const ms of took) counts[stepOf(ms)]++
    for (const share of [0.5, 0.95]) {
      expect(stepOf(quantileMs(counts, share))).toBe(stepOf(took[Math.round(share * 1000) - 1]!))
    }
    expect(quantileMs(new Array(STEPS).fill(0), 0.5)).toBe(0)
  })
})

describe('the uptime of an instance', () => {
  const ratio = (given: Partial<Parameters<typeof uptimeRatio>[0]>) =>
    uptimeRatio(
      { state: 'connected', stateAt: new Date(0), nobodysSince: null, createdAt: new Date(0), uptimeMs: 0, ...given },
      { startMs: 1_000, endMs: 2_000 },
    )

  it('is what has ended and what goes on, of the time since it is there', () => {
    expect(ratio({})).toBe(1)
    expect(ratio({ state: 'reconnecting', uptimeMs: 250 })).toBe(0.25)
    expect(ratio({ stateAt: new Date(1_500), uptimeMs: 250 })).toBe(0.75)
    expect(ratio({ createdAt: new Date(1_500), stateAt: new Date(1_750) })).toBe(0.5)
    expect(ratio({ createdAt: new Date(2_000) })).toBeNull()
    expect(ratio({ stateAt: new Date(3_000) })).toBe(0)
  })

  it('goes on while somebody runs it, and ends with who did', () => {
    expect(ratio({ nobodysSince: new Date(1_250) })).toBe(0.25)
    expect(ratio({ nobodysSince: new Date(500) })).toBe(0)
    expect(ratio({ nobodysSince: new Date(3_000) })).toBe(1)
    expect(ratio({ nobodysSince: new Date(1_250), stateAt: new Date(1_500) })).toBe(0)
  })
})
