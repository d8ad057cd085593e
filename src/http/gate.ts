/**
 * The gate in front of every door: who calls, may they come this way, and does their allowance cover it. It knows no
 * operation and no field; that a call is open to strangers it is told.
 */

import { hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { LRUCache } from 'lru-cache'
import type { Allowance, App, Caller, Context } from '../context.ts'
import { accountInactive, forbidden, rateLimited, unauthorized } from '../errors.ts'
import type { Admission, Credentials } from '../resolvers/auth/admit.ts'
import type { Exchange } from '../rest/answer.ts'
import { networkOf } from './address.ts'
import { apiKeyOf } from './credentials.ts'
import { Lookups } from './lookups.ts'
import { type Sender, sendersFor } from './origin.ts'
import { Strangers } from './strangers.ts'

/** Who knows the callers: `resolvers/auth/admit.ts`. */
export interface Doorkeeper {
  /** Whether it can be a credential at all, without asking anybody. */
  mayBeGood(credentials: Credentials): boolean
  /** Whether it is the key of the operator of this server. */
  isOperator(app: App, apiKey: string): boolean
  admit(app: App, credentials: Credentials): Promise<Admission | null>
  chargeMore(app: App, caller: Caller, tokens: number): Promise<Admission | null>
  /** Of these callers those whose credentials are still good. */
  stillGood<Each extends Caller>(app: App, callers: readonly Each[]): Promise<Each[]>
}

export interface Gate {
  /**
   * What somebody is to be told of whom nothing is to be done, as their network is beyond a stranger's allowance and their
   * credentials, if any, are no caller's as far as is known without a question. Null: `enter` says.
   */
  beyond(exchange: Exchange): Error | null
  /** Who calls, as far as is known without a question: credentials that were never good count as their network. */
  guess(of: Pick<Exchange, 'req' | 'ctx'>): Guess
  /**
   * Says who calls (`ctx.caller`, null for strangers and the operator) and charges the first token; rejects without good
   * credentials, with those of another site's visitor, and beyond the allowance. Nothing is charged to the operator.
   */
  enter(exchange: Exchange, way?: Way): Promise<void>
  /** For operations beyond the first: all of them or none. Rejects when the caller's credentials are gone, too. */
  charge(ctx: Context, operations: number): Promise<void>
  /** The same as `enter` for a WebSocket, whose key may come with its first message. */
  admitSocket(req: IncomingMessage, ctx: Context, apiKey: string | null): Promise<void>
  /** Before a socket is opened. Throws for pages of strangers, and for strangers beyond their allowance. */
  beforeUpgrade(req: IncomingMessage, ctx: Context): void
  /** The allowance as it stands, for answers to what is not charged. */
  peek(ctx: Context): void
}

export interface Guess {
  /** Of a tenant, the operator or a network. */
  name: string
  /** Whose API key it was when it was last asked about; null: nobody's, or no key. */
  keyOf: string | null
}

/** What a door says of the call that comes through it. */
export interface Way {
  /** Credentials are not looked at. */
  open?: boolean
  /** It takes a file, in `multipart/form-data`. */
  multipart?: boolean
}

const SPENT_MAX = 10_000
/** No tenant has this id. */
const OPERATOR = 'operator'
const READS = new Set(['GET', 'HEAD', 'OPTIONS'])

export function createGate(app: App, doorkeeper: Doorkeeper): Gate {
  const { publicUrl, corsOrigins, rateLimitPerMinute } = app.config
  const senderOf = sendersFor(publicUrl)
  const strangers = new Strangers(rateLimitPerMinute, () => app.clock.nowMs())
  const spent = new Spent()
  const lookups = new Lookups()
  const networkOfCtx = (ctx: Context) => networkOf(ctx.ip ?? '')

  function chargeStranger(ctx: Context, tokens = 1): void {
    const { admitted, allowance } = strangers.charge(networkOfCtx(ctx), tokens)
    ctx.facts.allowance = allowance
    if (!admitted) throw tooMany(ctx, 'stranger', allowance)
  }

  /** Null: nobody's credentials, and charged as a stranger's. */
  async function admit(ctx: Context, credentials: Credentials): Promise<Caller | null> {
    if (!doorkeeper.mayBeGood(credentials)) return stranger(ctx)
    const mark = markOf(credentials)
    const used = spent.get(mark)
    if (used) {
      if ('apiKey' in credentials) ctx.facts.keyOf = used.tenantId
      return refuse(ctx, used.allowance)
    }
    if (lookups.whose(mark) !== null) return look(ctx, { credentials, mark })
    const network = networkOfCtx(ctx)
    return lookups.inTurn(network, async () => {
      const isSpent = strangers.peek(network).remaining <= 0
      return isSpent && !lookups.allowLate() ? stranger(ctx) : look(ctx, { credentials, mark })
    })
  }

  async function look(ctx: Context, { credentials, mark }: { credentials: Credentials; mark: string }) {
    const isKey = 'apiKey' in credentials
    const admission = await doorkeeper.admit(app, credentials)
    if (!admission) {
      lookups.forget(mark)
      return stranger(ctx)
    }
    lookups.known(mark, admission.caller.tenantId)
    ctx.facts.allowance = admission.allowance
    if (isKey) ctx.facts.keyOf = admission.caller.tenantId
    if (!admission.active) throw accountInactive()
    if (!admission.admitted) {
      spent.add(mark, { tenantId: admission.caller.tenantId, allowance: admission.allowance })
      return refuse(ctx, admission.allowance)
    }
    return admission.caller
  }

  function stranger(ctx: Context): null {
    chargeStranger(ctx)
    return null
  }

  return {
    beyond({ req, ctx }) {
      const allowance = strangers.peek(networkOfCtx(ctx))
      if (allowance.remaining > 0) return null
      const apiKey = apiKeyOf(req)
      if (apiKey !== null && doorkeeper.isOperator(app, apiKey)) return null
      const given = credentialsOf(ctx, apiKey)
      if (given && doorkeeper.mayBeGood(given) && (lookups.whose(markOf(given)) !== null || lookups.mayBeLate))
        return null
      ctx.facts.allowance = allowance
      return tooMany(ctx, 'stranger', allowance)
    },
    guess({ req, ctx }) {
      if (ctx.caller) return { name: ctx.caller.tenantId, keyOf: null }
      const apiKey = apiKeyOf(req)
      const given = credentialsOf(ctx, apiKey)
      const whose = given && lookups.whose(markOf(given))
      return { name: whose ?? networkOfCtx(ctx), keyOf: apiKey !== null && whose !== OPERATOR ? whose : null }
    },
    async enter({ req, ctx }, { open = false, multipart = false } = {}) {
      try {
        const apiKey = apiKeyOf(req)
        const given = credentialsOf(ctx, apiKey)
        if (open || !given) {
          chargeStranger(ctx)
          // To be signed in as somebody else is a change, too.
          const isWrite = !READS.has(req.method!) && ctx.sessionToken !== null
          if (isWrite && apiKey === null && senderOf(req) === 'foreign') throw forbidden(OTHER_ORIGIN)
          return
        }
        if (apiKey !== null && doorkeeper.isOperator(app, apiKey)) {
          ctx.operator = true
          lookups.known(markOf(given), OPERATOR)
          ctx.facts.allowance = strangers.peek(networkOfCtx(ctx))
          return
        }
        const caller = await admit(ctx, given)
        if (!caller && apiKey !== null) throw unauthorized()
        if (caller?.via.kind === 'session') assertOwnPage(req, { sender: senderOf(req), multipart })
        ctx.caller = caller
      } catch (error) {
        // The database is away: nothing was charged, and the answer still tells an allowance.
        ctx.facts.allowance ??= strangers.peek(networkOfCtx(ctx))
        throw error
      }
    },
    async charge(ctx, operations) {
      if (operations <= 0 || ctx.operator) return
      if (!ctx.caller) return chargeStranger(ctx, operations)
      const admission = await doorkeeper.chargeMore(app, ctx.caller, operations)
      if (!admission) throw unauthorized()
      ctx.facts.allowance = admission.allowance
      if (!admission.active) throw accountInactive()
      if (!admission.admitted) throw tooMany(ctx, 'tenant', admission.allowance)
    },
    async admitSocket(req, ctx, apiKey) {
      const key = apiKeyOf(req) ?? apiKey
      const isOwn = senderOf(req) === 'own'
      if (key === null && (ctx.sessionToken === null || !isOwn)) throw unauthorized()
      ctx.caller = await admit(ctx, key === null ? { sessionToken: ctx.sessionToken! } : { apiKey: key })
      if (!ctx.caller) throw unauthorized()
    },
    beforeUpgrade(req, ctx) {
      // No page can set this header: who has it is a program.
      if (apiKeyOf(req) !== null) return
      const sender = senderOf(req)
      if (sender === 'foreign' && !corsOrigins.includes(req.headers.origin ?? '')) throw forbidden(OTHER_ORIGIN)
      if (ctx.sessionToken === null || sender !== 'own') chargeStranger(ctx)
    },
    peek(ctx) {
      ctx.facts.allowance ??= strangers.peek(networkOfCtx(ctx))
    },
  }
}

const OTHER_ORIGIN = 'This request comes from another origin'

function credentialsOf({ sessionToken }: Context, apiKey: string | null): Credentials | null {
  if (apiKey !== null) return { apiKey }
  return sessionToken === null ? null : { sessionToken }
}

/** To remember them by, which is no secret. */
const markOf = (credentials: Credentials): string =>
  hash('sha256', 'apiKey' in credentials ? credentials.apiKey : credentials.sessionToken, 'base64')

function refuse(ctx: Context, allowance: Allowance): never {
  ctx.facts.allowance = allowance
  throw tooMany(ctx, 'tenant', allowance)
}

function tooMany(ctx: Context, caller: 'tenant' | 'stranger', { resetsInSeconds }: Allowance): Error {
  ctx.metrics.http.rateLimited(caller)
  return rateLimited(resetsInSeconds)
}

/**
 * A browser sends the cookie whoever asks it to. A write is not taken from a page of others, and only as JSON, which no
 * form can send; a file, which forms send too, only where the browser says that the page is ours. Reading is refused to
 * pages of others, except that a link may lead here.
 */
function assertOwnPage(req: IncomingMessage, { sender, multipart }: { sender: Sender; multipart: boolean }): void {
  if (READS.has(req.method!)) {
    if (sender === 'foreign' && req.headers['sec-fetch-mode'] !== 'navigate') throw forbidden(OTHER_ORIGIN)
    return
  }
  // Every browser of today sends Origin with a write: who sends neither it nor Sec-Fetch-Site is a program.
  if (sender === 'foreign') throw forbidden(OTHER_ORIGIN)
  const type = req.headers['content-type']
  if (multipart && sender === 'own' && /^multipart\/form-data\s*;/i.test(type ?? '')) return
  const hasBody = req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0
  if ((hasBody || type !== undefined) && !/^application\/(graphql\+)?json\s*(;|$)/i.test(type ?? '')) {
    throw forbidden('A request by session cookie must be application/json')
  }
}

interface Used {
  tenantId: string
  allowance: Allowance
}

/** Credentials whose allowance is used up, until it is fresh: their calls cost the database nothing. */
class Spent {
  readonly #until = new LRUCache<string, Used & { endMs: number }>({ max: SPENT_MAX })

  add(mark: string, used: Used): void {
    this.#until.set(mark, { ...used, endMs: performance.now() + used.allowance.resetsInSeconds * 1000 })
  }

  get(mark: string): Used | null {
    const known = this.#until.get(mark)
    if (!known) return null
    const resetsInSeconds = (known.endMs - performance.now()) / 1000
    if (resetsInSeconds > 0) return { ...known, allowance: { ...known.allowance, resetsInSeconds } }
    this.#until.delete(mark)
    return null
  }
}
