import { monitorEventLoopDelay } from 'node:perf_hooks'
import { newId } from '../../ids.ts'
import { Peers } from './peers.ts'
import { isGone } from './process-mark.ts'

/** How long a node that has fallen silent keeps its instances. */
export const LEASE_MS = 8_000
/** A node that could not beat for so long closes its sockets: well before anybody takes its instances. */
export const FENCE_MS = 5_500

/** Instances that are handed over in a second while nodes come and go: each is away for a moment. */
const MOVES_MAX = 5

/** What has just ended by itself tells so within that time. */
const STRANDED_MS = 10_000

/** For so long what is free waits for the node whose share it is: one that lives looks at each second. */
const LEFT_MS = 2_500

const SAMPLE_MS = 20

/** This process among those on its database. */
export class Node {
  /** Another one after each time that others may have taken this node for dead. */
  #id = newId('node')
  /** Whether there can be others. */
  readonly shared: boolean
  readonly peers = new Peers(LEASE_MS, isGone)
  /** Nobody new comes here; what is here moves on. */
  draining = false
  /** There is something to take or to hand over still. */
  uneven = false
  /** Whether the others can know of it. */
  joined = false
  /** Whether it has given its instances up, and not taken part anew since. */
  fenced = false
  #deadlineMs: number
  #others: string[] = []
  #ticks = 0
  #moves = 0
  #turn: Promise<void> = Promise.resolve()
  #asked = false
  /** Since when each instance is seen to be ours and not to run. */
  #stranded = new Map<string, number>()
  /** Since when there is something free; null: there is nothing. */
  #freeSinceMs: number | null = null
  #keepsUntilMs = Number.NEGATIVE_INFINITY
  readonly #delay = monitorEventLoopDelay({ resolution: SAMPLE_MS })

  constructor(shared: boolean) {
    this.shared = shared
    this.#deadlineMs = Number.NEGATIVE_INFINITY
    this.#delay.enable()
  }

  get id(): string {
    return this.#id
  }

  /** Whether there is anybody to be told something. */
  get hasPeers(): boolean {
    return this.#others.length > 0
  }

  /** The others that live. True: they are not the same as before. */
  meet(others: string[]): boolean {
    const isNews = others.toSorted().join() !== this.#others.join()
    this.#others = others.toSorted()
    return isNews
  }

  /** Once a second. */
  allowMoves(): void {
    this.#moves = MOVES_MAX
  }

  /** How many of so many may be handed over now. */
  takeMoves(wanted: number): number {
    const moves = Math.max(0, Math.min(this.#moves, wanted))
    this.#moves -= moves
    return moves
  }

  /** Counts the beats. */
  tick(): number {
    return ++this.#ticks
  }

  /** Instances are taken and handed over by one at a time. */
  inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => {})
    return turn
  }

  /**
   * Whether nobody can have taken over what is here, by a clock that goes on while the process is stopped: looked at
   * before each byte that goes out on a socket.
   */
  get holds(): boolean {
    return !this.shared || performance.now() < this.#deadlineMs
  }

  /** A beat that was begun at `sentMs` has been written. */
  beaten(sentMs: number): void {
    this.#deadlineMs = Math.max(this.#deadlineMs, sentMs + FENCE_MS)
  }

  /** Since the last beat that was written; null: there was none. */
  get beatAgeMs(): number | null {
    return this.#deadlineMs === Number.NEGATIVE_INFINITY ? null : performance.now() - this.#deadlineMs + FENCE_MS
  }

  /** From now on it holds nothing, and is nobody whom others know. */
  renew(): void {
    this.#id = newId('node')
    this.#deadlineMs = Number.NEGATIVE_INFINITY
  }

  /** The instances are to be looked at, without waiting for their turn. */
  ask(): void {
    this.#asked = true
  }

  get isAsked(): boolean {
    return this.#asked
  }

  takeAsk(): boolean {
    const asked = this.#asked
    this.#asked = false
    return asked
  }

  /** Of those that are ours and do not run now, those of which that is nothing passing. */
  strandedLong(ids: readonly string[]): Set<string> {
    const nowMs = performance.now()
    this.#stranded = new Map(ids.map(id => [id, this.#stranded.get(id) ?? nowMs]))
    return new Set(ids.filter(id => nowMs - this.#stranded.get(id)! >= STRANDED_MS))
  }

  /** It has taken what another one left: by the end of a lease it shows whether that one lives. Nothing is handed to it before. */
  keep(): void {
    this.#keepsUntilMs = performance.now() + LEASE_MS
  }

  get keeps(): boolean {
    return performance.now() < this.#keepsUntilMs
  }

  /** Of so many that are free now: whether some have been all the time, for longer than a node that is not frozen takes. */
  leftLong(free: number): boolean {
    if (free === 0) this.#freeSinceMs = null
    else this.#freeSinceMs ??= performance.now()
    return this.#freeSinceMs !== null && performance.now() - this.#freeSinceMs >= LEFT_MS
  }

  /** How late the event loop was since the last call, at worst but for one in a hundred times, in ms. */
  takeLagMs(): number {
    // What it counts is the time between two samples.
    const ms = this.#delay.percentile(99) / 1e6 - SAMPLE_MS
    this.#delay.reset()
    return Number.isFinite(ms) ? Math.max(0, Math.round(ms * 10) / 10) : 0
  }

  close(): void {
    this.#delay.disable()
  }
}
