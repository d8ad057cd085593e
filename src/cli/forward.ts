import { request } from 'undici'
import { systemClock } from '../clock.ts'
import { signedHeaders } from '../delivery/sign.ts'

export interface Outcome {
  /** Null: there was no answer, and `error` says why. */
  statusCode: number | null
  error: string | null
  durationMs: number
}

const TIMEOUT_MS = 10_000
const ANSWER_MAX_BYTES = 65_536

/**
 * One POST as a webhook gets it, never a second, to the user's own process: any address will do, as this runs on their
 * machine and not on the server.
 */
export async function forward(url: string, sent: { id: string; body: string; secret: string }): Promise<Outcome> {
  const { id, body, secret } = sent
  const timestampSeconds = Math.floor(systemClock.nowMs() / 1000)
  const signature = signedHeaders({ id, timestampSeconds, body, secrets: [secret] })
  const headers = { 'content-type': 'application/json', 'user-agent': 'Wataki-Webhooks/1.0', ...signature }
  const startMs = performance.now()
  const outcome = { statusCode: null, error: null, durationMs: 0 } as Outcome
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    // A process under development comes and goes: each request has a connection of its own.
    const answer = await request(url, { method: 'POST', headers, body, signal, reset: true })
    await answer.body.dump({ limit: ANSWER_MAX_BYTES, signal })
    outcome.statusCode = answer.statusCode
  } catch (error) {
    outcome.error = reasonOf(error as Error & { code?: unknown })
  }
  outcome.durationMs = Math.round(performance.now() - startMs)
  return outcome
}

function reasonOf({ name, code, message }: Error & { code?: unknown }): string {
  if (name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1000} s`
  return typeof code === 'string' ? code : message
}
