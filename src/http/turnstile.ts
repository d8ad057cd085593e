import type { Pass } from '../context.ts'
import type { Log } from '../telemetry/log.ts'
import { Heap } from './heap.ts'
import { Refusals } from './refusals.ts'

/**
 * What comes before everything else: so many requests are worked on at once, and the others wait in line, for a moment.
 * How long they have waited is the one measure of load, whether it is the processor, the database or the memory that is
 * short. Whoever has the fewest requests inside goes next, so that one caller's flood is that caller's own loss.
 */

export interface TurnstileOptions {
  atOnce: number
  lineMax?: number
  log: Log
  /** How much of the heap is used, from 0 to 1. */
  heapShare?: () => number
}

/** For a burst there is a line; in one that stands for so long, more comes than can be done. */
const BURST_MS = 1000
/** And in one that stands for this share of the time that has passed since the last standing one: it is the same again. */
const BURST_SHARE = 0.1
/** What a standing line is kept to: who would have to wait for longer is refused as they come. */
const LINE_MS = 100
/** And to so many at least: callers with a few workers, who each wait for an answer, are no overload, however slow it gets. */
const LINE_MIN = 16
/** Who has a place in it is not sent away before this: else whoever is refused after a stall has waited for it. */
const GIVE_UP_MS = 500
/** The line is no standing one any more when so long nobody had to wait for LINE_MS. */
const CALM_MS = 1000
/** How long it is counted how many go in. */
const RATE_MS = 200
const LINE_MAX = 1000
/** Of the places: one caller leaves so many to the others, however many wait for each other there. */
const LEFT_SHARE = 0.2
/** A wait of LINE_MS makes up for a place, for so many at most: else the line of who asks for slow things hardly moves. */
const WAIT_WORTH = 2
/** Those inside, and those who wait aside for somebody else. */
const INSIDE_MAX = 2000
const SWEEP_MS = 5

interface Waiting {
  sinceMs: number
  patienceMs: number
  take: (pass: Pass) => void
  refuse: () => void
}

/** One caller, as long as there is anything of theirs. */
interface Party {
  /** Being worked on. */
  busy: number
  /** Those, and those who wait aside. */
  inside: number
  line: Waiting[]
}

export class Turnstile {
  readonly #parties = new Map<string, Party>()
  /** Those who have been inside before, and come back from waiting for somebody else. */
  readonly #back: (() => void)[] = []
  readonly #atOnce: number
  /** By one caller. */
  readonly #heldMax: number
  readonly #lineMax: number
  readonly #heap: Heap
  readonly #refusals: Refusals
  #busy = 0
  #inside = 0
  #waiting = 0
  #lineSinceMs: number | null = null
  #burstMs = BURST_MS
  #lastStoodMs = Number.NEGATIVE_INFINITY
  #entered = { sinceMs: 0, count: 0, perSecond: 0 }
  #strainedMs = Number.NEGATIVE_INFINITY
  #standing = false
  #sweep: NodeJS.Timeout | undefined

  constructor({ atOnce, lineMax = LINE_MAX, log, heapShare }: TurnstileOptions) {
    this.#atOnce = atOnce
    this.#heldMax = atOnce - Math.floor(atOnce * LEFT_SHARE)
    this.#lineMax = lineMax
    this.#heap = new Heap(heapShare)
    this.#refusals = new Refusals(log)
  }

  /** Being worked on. */
  get busy(): number {
    return this.#busy
  }

  get waiting(): number {
    return this.#waiting
  }

  /** Whether there has been more to do than can be done, for a second or more, and was a moment ago. */
  get strained(): boolean {
    return this.#standing && performance.now() - this.#strainedMs < CALM_MS
  }

  /** Since the start. */
  get refused(): number {
    return this.#refusals.count
  }

  /** Throws, or rejects after a moment, with 503: then nothing has been done. `who` is one caller as far as is known. */
  enter(who: string): Pass | Promise<Pass> {
    const nowMs = performance.now()
    if (this.#inside >= INSIDE_MAX) throw this.#refusals.one()
    const isShort = this.#heap.isShort(nowMs)
    if (this.#busy < (isShort ? 1 : this.#atOnce) && this.#mayGoIn(who, nowMs)) return this.#admit(who)
    if (isShort || !this.#mayJoin(who)) throw this.#refusals.one()
    return this.#join(who, nowMs)
  }

  /** Whether nobody who waits has a better right to a free place. */
  #mayGoIn(who: string, nowMs: number): boolean {
    if (this.#waiting > 0 && this.#nextParty(nowMs) !== undefined) return false
    return (this.#parties.get(who)?.busy ?? 0) < this.#heldMax
  }

  /** In a standing line each has an even part of the places, so that hardly anybody who waits has to give way to who comes. */
  #mayJoin(who: string): boolean {
    if (this.strained) {
      const own = this.#parties.get(who)
      let others = 0
      for (const each of this.#parties.values()) if (each !== own && each.busy + each.line.length > 0) others++
      if ((own?.line.length ?? 0) >= Math.max(1, Math.floor(this.#room / (others + 1)))) return false
    }
    return this.#waiting < this.#room || this.#dropFor(who)
  }

  /** For how many there is a place in the line. */
  get #room(): number {
    if (!this.strained) return this.#lineMax
    return Math.min(this.#lineMax, Math.max(LINE_MIN, Math.floor((this.#entered.perSecond * LINE_MS) / 1000)))
  }

  #join(who: string, nowMs: number): Promise<Pass> {
    const { promise, resolve, reject } = Promise.withResolvers<Pass>()
    if (this.#lineSinceMs === null) {
      this.#lineSinceMs = nowMs
      this.#burstMs = Math.min(BURST_MS, Math.max(2 * LINE_MS, (nowMs - this.#lastStoodMs) * BURST_SHARE))
    }
    const patienceMs = this.strained ? GIVE_UP_MS : Math.max(GIVE_UP_MS, this.#burstMs)
    const refuse = () => reject(this.#refusals.one())
    this.#partyOf(who).line.push({ sinceMs: nowMs, patienceMs, take: resolve, refuse })
    this.#waiting++
    if (this.#sweep === undefined) this.#sweep = setTimeout(() => this.#sweepLine(), SWEEP_MS)
    return promise
  }

  #partyOf(who: string): Party {
    const party = this.#parties.get(who) ?? { busy: 0, inside: 0, line: [] }
    this.#parties.set(who, party)
    return party
  }

  #admit(who: string): Pass {
    const party = this.#partyOf(who)
    let aside = 0
    const step = (by: 1 | -1) => {
      this.#busy += by
      party.busy += by
    }
    const out = () => {
      if (aside++ > 0) return
      step(-1)
      this.#next()
    }
    step(1)
    party.inside++
    this.#inside++
    this.#entered.count++
    let isInside = true
    return {
      aside: async wait => {
        if (!isInside) return wait
        out()
        try {
          return await wait
        } finally {
          if (--aside === 0 && isInside) step(1)
        }
      },
      arrive: async wait => {
        if (!isInside) return wait
        out()
        try {
          return await wait
        } finally {
          if (!isInside) aside = 1
          else if (this.#busy < this.#atOnce) step(1)
          else await new Promise<void>(resolve => this.#back.push(() => resolve(step(1))))
          aside--
        }
      },
      leave: () => {
        if (!isInside) return
        isInside = false
        if (aside === 0) step(-1)
        party.inside--
        this.#inside--
        this.#forget(who, party)
        this.#next()
      },
    }
  }

  #forget(who: string, party: Party): void {
    if (party.inside === 0 && party.line.length === 0) this.#parties.delete(who)
  }

  /** There may be room. */
  #next(): void {
    const nowMs = performance.now()
    while (this.#back.length > 0 && this.#busy < this.#atOnce) this.#back.shift()!()
    while (this.#waiting > 0 && this.#busy < (this.#heap.isShort(nowMs) ? 1 : this.#atOnce)) {
      const next = this.#nextParty(nowMs)
      if (next === undefined) return
      const [who, party] = next
      const first = party.line.shift()!
      this.#left(first, nowMs)
      // Behind those who have as many.
      this.#parties.delete(who)
      this.#parties.set(who, party)
      first.take(this.#admit(who))
    }
  }

  /** Of those who wait, who has the fewest inside; a long wait makes up for WAIT_WORTH of them. */
  #nextParty(nowMs: number): [string, Party] | undefined {
    let found: [string, Party] | undefined
    let least = Number.POSITIVE_INFINITY
    for (const each of this.#parties) {
      const { line, busy } = each[1]
      if (line.length === 0 || busy >= this.#heldMax) continue
      const rank = busy - Math.min(WAIT_WORTH, (nowMs - line[0]!.sinceMs) / LINE_MS)
      if (rank >= least) continue
      least = rank
      found = each
    }
    return found
  }

  /** A full line: who has the most in it gives way to who has fewer, counted with this one. False: nobody does. */
  #dropFor(who: string): boolean {
    let most: [string, Party] | undefined
    for (const each of this.#parties) if (!most || each[1].line.length > most[1].line.length) most = each
    const own = this.#parties.get(who)?.line.length ?? 0
    if (!most || most[1].line.length <= own + 1) return false
    this.#drop(...most, most[1].line.pop()!)
    return true
  }

  #sweepLine(): void {
    this.#sweep = undefined
    const nowMs = performance.now()
    const { sinceMs, count } = this.#entered
    const tookMs = nowMs - sinceMs
    if (tookMs >= RATE_MS) this.#entered = { sinceMs: nowMs, count: 0, perSecond: (count * 1000) / tookMs }
    for (const { line } of this.#parties.values()) if (line[0]) this.#waited(line[0], nowMs)
    const stood = this.#lineSinceMs !== null && nowMs - this.#lineSinceMs >= this.#burstMs
    this.#standing = this.strained || (stood && nowMs - this.#strainedMs < CALM_MS)
    if (this.#standing) this.#lastStoodMs = nowMs
    for (const [who, party] of this.#parties)
      while (party.line[0] && nowMs - party.line[0].sinceMs >= party.line[0].patienceMs)
        this.#drop(who, party, party.line.shift()!)
    if (this.#waiting > 0) this.#sweep = setTimeout(() => this.#sweepLine(), SWEEP_MS)
  }

  #waited({ sinceMs }: Waiting, nowMs: number): void {
    if (nowMs - sinceMs < LINE_MS) return
    // It may have been calm since a line stood.
    this.#standing = this.strained
    this.#strainedMs = nowMs
  }

  #drop(who: string, party: Party, waiting: Waiting): void {
    this.#left(waiting, performance.now())
    this.#forget(who, party)
    waiting.refuse()
  }

  #left(waiting: Waiting, nowMs: number): void {
    this.#waited(waiting, nowMs)
    this.#waiting--
    if (this.#waiting === 0) this.#lineSinceMs = null
  }
}
