import { createHmac } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Event } from './objects.ts'

/** Events on their way to the server, signed as Stripe signs them; tried again until they are taken. */

const WAITS_MS = [0, 1_000, 5_000, 15_000, 60_000, 300_000]
const TIMEOUT_MS = 20_000

export interface Delivery {
  send(event: Event): void
  close(): void
}

export function signed(body: string, { secret, seconds }: { secret: string; seconds: number }): string {
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`
}

export function createDelivery(options: {
  clock: Clock
  url: string
  secret: string
  /** For whoever watches. */
  told: (line: string) => void
}): Delivery {
  const { clock, url, secret, told } = options
  const end = new AbortController()
  const timers = new Set<NodeJS.Timeout>()

  async function attempt(event: Event, tries: number): Promise<void> {
    const body = JSON.stringify(event)
    const signature = signed(body, { secret, seconds: Math.floor(clock.nowMs() / 1000) })
    const headers = { 'content-type': 'application/json', 'stripe-signature': signature }
    const signal = AbortSignal.any([end.signal, AbortSignal.timeout(TIMEOUT_MS)])
    const status = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' }).then(
      async answer => {
        await answer.body?.cancel()
        return answer.status
      },
      () => null,
    )
    if (end.signal.aborted) return
    told(`${event.type} ${event.id}: ${status ?? 'no answer'}`)
    if (status === null || status < 200 || status > 299) later(event, tries + 1)
  }

  function later(event: Event, tries: number): void {
    const waitMs = WAITS_MS[tries]
    if (waitMs === undefined) return
    const timer = setTimeout(() => {
      timers.delete(timer)
      void attempt(event, tries)
    }, waitMs)
    timers.add(timer)
  }

  return {
    send: event => later(event, 0),
    close() {
      end.abort()
      for (const timer of timers) clearTimeout(timer)
    },
  }
}
