import type { CallCount, CallError } from '../../db/queries/api-rollups.ts'
import { newId } from '../../ids.ts'
import { STEPS, stepOf } from './histogram.ts'

/** One request with an API key, answered. */
export interface Call {
  tenantId: string
  method: string
  /** The pattern; null: there is no such route. */
  route: string | null
  at: Date
  /** Null: it was a stream, which takes as long as its reader wants. */
  tookMs: number | null
  /** Null: it went well. */
  error: { code: string; message: string } | null
}

export interface Batch {
  id: string
  counts: CallCount[]
  errors: CallError[]
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const begin = (at: Date, everyMs: number): Date => new Date(Math.floor(at.getTime() / everyMs) * everyMs)

/** Beyond them calls go uncounted until the next writing, seconds later. */
const COUNTS_MAX = 30_000
/** Of each tenant, and of all. */
const OWN_ERRORS_MAX = 20
const ERRORS_MAX = 2_000

/** Which calls were made, between two writings: nothing is written in a request. */
export class Calls {
  #counts = new Map<string, CallCount>()
  #errors = new Map<string, CallError[]>()
  #errorCount = 0
  /** Handed out and not known to be written. */
  #batch: Batch | null = null

  note(call: Call): void {
    this.#count(call)
    if (call.error) this.#keep({ tenantId: call.tenantId, at: call.at, ...call.error })
  }

  /** The same until it is known to be written: asked for again under its id, it is written once. Null: nothing is new. */
  take(): Batch | null {
    if (this.#batch) return this.#batch
    if (this.#counts.size === 0) return null
    this.#batch = { id: newId('cnt'), counts: [...this.#counts.values()], errors: [...this.#errors.values()].flat() }
    this.#counts = new Map()
    this.#errors = new Map()
    this.#errorCount = 0
    return this.#batch
  }

  written({ id }: Batch): void {
    if (this.#batch?.id === id) this.#batch = null
  }

  /** In all that it is counted in, or in none of them. */
  #count({ tenantId, method, at, route, tookMs, error }: Call): void {
    const hour = begin(at, HOUR_MS)
    const of = { tenantId, method, route: route ?? '' }
    const counts = [
      this.#of({ tenantId, grain: 'hour', hour, method: '', route: '' }),
      this.#of({ ...of, grain: 'route_hour', hour }),
      this.#of({ ...of, grain: 'route_day', hour: begin(at, DAY_MS) }),
    ]
    if (this.#counts.size + counts.length > COUNTS_MAX && counts.some(({ key }) => !this.#counts.has(key))) return
    for (const { key, count } of counts) {
      this.#counts.set(key, count)
      count.requests++
      if (error) count.errors++
      if (tookMs !== null) count.times[stepOf(tookMs)]!++
    }
  }

  #of(what: Omit<CallCount, 'requests' | 'errors' | 'times'>): { key: string; count: CallCount } {
    const key = `${what.tenantId} ${what.grain} ${what.hour.getTime()} ${what.method} ${what.route}`
    const kept = this.#counts.get(key)
    return { key, count: kept ?? { ...what, requests: 0, errors: 0, times: new Array<number>(STEPS).fill(0) } }
  }

  /** The newest take the place of the oldest of their tenant. */
  #keep(error: CallError): void {
    const own = this.#errors.get(error.tenantId) ?? []
    if (own.length >= OWN_ERRORS_MAX) {
      own.shift()
    } else {
      if (this.#errorCount >= ERRORS_MAX) return
      this.#errorCount++
    }
    own.push(error)
    this.#errors.set(error.tenantId, own)
  }
}
