import type { App, Context, Pass } from '../context.ts'
import type { Exchange } from '../rest/answer.ts'
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

export function createEntrance({ turnstile }: Pick<App, 'turnstile'>, gate: Pick<Gate, 'beyond' | 'guess'>): Entrance {
  const refusals = new FewATurn()
  return {
    async admit(exchange, { serve, refuse }) {
      const { ctx, res } = exchange
      const beyond = gate.beyond(exchange)
      if (beyond) {
        await refusals.turn()
        return refuse(exchange, beyond)
      }
      const { name, keyOf } = gate.guess(exchange)
      let pass: Pass
      try {
        const entered = turnstile.enter(name)
        pass = entered instanceof Promise ? await entered : entered
      } catch (error) {
        if (keyOf !== null) ctx.facts.keyOf = keyOf
        return refuse(exchange, error)
      }
      try {
        ctx.pass = pass
        // Its caller may have left the line.
        if (!res.destroyed) await serve(exchange)
      } finally {
        pass.leave()
      }
    },
    async enter(ctx, { req }) {
      ctx.pass = await turnstile.enter(gate.guess({ req, ctx }).name)
    },
  }
}
