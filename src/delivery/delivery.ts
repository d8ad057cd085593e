/**
 * The room of webhooks' far end: one POST to a stranger, and the signature that lets the stranger know us. It owns
 * which addresses may be dialled, and every bound on what a stranger can cost. It refuses to know what is sent, to
 * whom it belongs, and when to try again.
 */
import { type Clock, systemClock } from '../clock.ts'
import { createGuard } from './address-guard.ts'
import type { Dial } from './connect.ts'
import { unlessEnded } from './failure.ts'
import { createPoster } from './post.ts'
import { createLookup, type Lookup } from './resolve.ts'
import { newSecret, signedHeaders } from './sign.ts'

export interface Delivery {
  /**
   * What is wrong with a URL as a place to deliver to, as the end of a sentence for the caller ("must be an https
   * URL"); null: nothing. Looks the name up for 3 s at most; a name that cannot be resolved is fine.
   */
  problemWith(url: string): Promise<string | null>
  /** One POST, never a second. Never throws for what the other side does; resolves within `timeoutMs` plus a little. */
  post(request: PostRequest): Promise<PostOutcome>
  /** What lets the receiver know us: headers for `post`. `secrets`: the newest first. */
  sign(signed: {
    id: string
    timestampSeconds: number
    body: string
    secrets: readonly string[]
  }): Record<string, string>
  /** A secret to sign with, for who has none of their own. */
  newSecret(): string
  /** Ends what is under way as `aborted`, and closes every connection. */
  close(): Promise<void>
}

export interface PostRequest {
  url: string
  headers: Record<string, string>
  body: string
  /** For all of it: the name, the connection, TLS, and the answer to its last byte. */
  timeoutMs: number
  signal?: AbortSignal
}

export type FailureCode = 'address_refused' | 'not_resolved' | 'timeout' | 'tls' | 'connection' | 'aborted'

export interface Answer {
  statusCode: number
  /** At most 1 KiB of UTF-8, without NUL: the beginning of what may be more. */
  body: string
  /** What `Retry-After` asks for, not capped. */
  retryAfterMs: number | null
}

/** `answered`: with any status, to the end of the answer or of what is read of it. `message` is for the caller. */
export type PostOutcome =
  | ({ kind: 'answered'; durationMs: number } & Answer)
  | { kind: 'failed'; code: FailureCode; message: string; durationMs: number }

export interface DeliveryPolicy {
  allowHttp: boolean
  /** CIDRs and addresses that are exempt from the private-address block. */
  allowedNetworks: readonly string[]
  /** Where this server listens; null while it does not. Never dialled on a machine's own address. */
  ownPort: () => number | null
  clock?: Clock
  /** For tests: instead of DNS. */
  lookup?: Lookup
  /** For tests: instead of TCP. */
  dial?: Dial
}

const LOOKUP_TIMEOUT_MS = 3_000

export function createDelivery(policy: DeliveryPolicy): Delivery {
  const guard = createGuard(policy)
  const lookup = policy.lookup ?? createLookup()
  const poster = createPoster({ guard, lookup, dial: policy.dial, clock: policy.clock ?? systemClock })
  return {
    async problemWith(text) {
      if (!URL.canParse(text)) return guard.schemeProblem
      const url = new URL(text)
      const problem = guard.problemOf(url)
      if (problem) return problem
      const signal = AbortSignal.timeout(LOOKUP_TIMEOUT_MS)
      const addresses = await unlessEnded(signal, guard.addressesOf(url, lookup, signal)).catch(() => [])
      return guard.problemOfAddresses(url, addresses)
    },
    post: poster.post,
    sign: signedHeaders,
    newSecret,
    close: poster.close,
  }
}
