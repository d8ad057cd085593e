import type { IncomingMessage } from 'node:http'
import type { App, Context, Pass } from '../context.ts'
import { Loaders } from '../resolvers/loaders.ts'
import type { AddressOf } from './address.ts'
import { idempotencyKeyOf, sessionTokenOf } from './credentials.ts'

/** Of what is not counted. */
const FREE: Pass = { aside: wait => wait, arrive: wait => wait, leave: () => {} }

export type OpenContext = (req: IncomingMessage, requestId: string) => Context

/** The one place where a request gets its context: the app, seen through a caller, an id and an `em` of its own. */
export function contextsOf(app: App, addressOf: AddressOf): OpenContext {
  const secure = app.config.publicUrl.startsWith('https:')
  const shared = Object.create(app, {
    // Forked when first asked for: many requests never touch the ORM.
    em: {
      get(this: Context) {
        const em = app.db.orm.em.fork()
        Object.defineProperty(this, 'em', { value: em })
        return em
      },
    },
    loaders: {
      get(this: Context) {
        const loaders = new Loaders(this)
        Object.defineProperty(this, 'loaders', { value: loaders })
        return loaders
      },
    },
  })
  return (req, requestId) =>
    Object.assign(Object.create(shared), {
      caller: null,
      operator: false,
      requestId,
      pass: FREE,
      ip: addressOf(req),
      sessionToken: sessionTokenOf(req),
      idempotencyKey: idempotencyKeyOf(req),
      once: null,
      facts: { secure },
    })
}
