import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { App, Context, Pass } from '../context.ts'
import type { Exchange } from '../rest/answer.ts'
import { networkOf } from './address.ts'
import { apiKeyOf } from './credentials.ts'
import { FewATurn } from './few-a-turn.ts'
import type { Gate } from './gate.ts'

/** The way through the turnstile, before credentials are looked up and a body is read. */

export interface Entrance {
  /** Serves it, or refuses it with 503, or strangers with 429; answers once it is served, its answer perhaps still on its way. */
  admit(exchange: Exchange, door: Door): Promise<void>
  /** For an operation over a WebSocket. */
  enter(ctx: Context, of: Pick<Exchange, 'req'>): Promise<void>
}

export interface Door {
  serve(exchange: Exchange): unknown
  /** In the door's own shape. */
  refuse(exchange: Exchange, error: unknown): void
}

const KNOWN_MAX = 10_000

export function createEntrance({ turnstile }: Pick<App, 'turnstile'>, gate: Pick<Gate, 'beyond'>): Entrance {
  const refusals = new FewATurn()
  /** Credentials that were good, with whose they are: who makes some up is no new caller each time. */
  const known = new LRUCache<string, string>({ max: KNOWN_MAX })
  const markOf = ({ req }: Pick<Exchange, 'req'>, ctx: Context) => {
    const credential = apiKeyOf(req) ?? ctx.sessionToken
    return credential === null ? null : hash('sha256', credential, 'base64')
  }
  const nameOf = (ctx: Context, mark: string | null) =>
    ctx.caller?.tenantId ?? (mark && known.get(mark)) ?? networkOf(ctx.ip ?? '')

  return {
    async admit(exchange, { serve, refuse }) {
      const { ctx, res } = exchange
      const beyond = gate.beyond(exchange)
      if (beyond) {
        await refusals.turn()
        return refuse(exchange, beyond)
      }
      const mark = markOf(exchange, ctx)
      let pass: Pass
      try {
        const entered = turnstile.enter(nameOf(ctx, mark))
        pass = entered instanceof Promise ? await entered : entered
      } catch (error) {
        return refuse(exchange, error)
      }
      try {
        ctx.pass = pass
        // Its caller may have left the line.
        if (!res.destroyed) await serve(exchange)
      } finally {
        pass.leave()
        if (mark && (ctx.caller || ctx.operator)) known.set(mark, ctx.caller?.tenantId ?? OPERATOR)
      }
    },
    async enter(ctx, of) {
      ctx.pass = await turnstile.enter(nameOf(ctx, markOf(of, ctx)))
    },
  }
}

const OPERATOR = 'operator'
