/** Callers in a process of their own, which ask again as soon as they are answered. */
import { Pool } from 'undici'
import { type Child, serve, start } from './child.ts'
import { quantile } from './measure.ts'

export interface Load {
  origin: string
  /** Taken in turn. */
  requests: { path: string; method?: 'GET' | 'POST'; headers: Record<string, string>; body?: string }[]
  connections: number
  seconds: number
  /** What each is answered; left out: 200. */
  status?: number
}

export interface Outcome {
  count: number
  perSecond: number
  p50: number
  p99: number
  /** The callers' own, for each request. */
  callerUs: number
}

if (process.argv[2] === 'callers' && import.meta.main) serve(call)

/** Throws when anything else is answered than what is expected. */
async function call({ origin, requests, connections, seconds, status = 200 }: Load): Promise<Outcome> {
  const pool = new Pool(origin, { connections, pipelining: 1 })
  const tookMs: number[] = []
  const before = process.cpuUsage()
  const startMs = performance.now()
  const endMs = startMs + seconds * 1000
  let turn = 0
  const one = async () => {
    while (performance.now() < endMs) {
      const { path, method = 'GET', headers, body } = requests[turn++ % requests.length]!
      const fromMs = performance.now()
      const answer = await pool.request({ path, method, headers, body })
      if (answer.statusCode !== status) throw new Error(`${path}: ${answer.statusCode} ${await answer.body.text()}`)
      await answer.body.dump()
      tookMs.push(performance.now() - fromMs)
    }
  }
  await Promise.all(Array.from({ length: connections }, one))
  const took = performance.now() - startMs
  const { user, system } = process.cpuUsage(before)
  await pool.close()
  return {
    count: tookMs.length,
    perSecond: (tookMs.length * 1000) / took,
    p50: quantile(tookMs, 0.5),
    p99: quantile(tookMs, 0.99),
    callerUs: (user + system) / tookMs.length,
  }
}

export const openCallers = (): Promise<Child> => start(import.meta.url, 'callers')
