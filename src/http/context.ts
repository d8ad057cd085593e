import type { App, Context } from '../context.ts'

/** The one place where a request gets its context: the app, seen through a caller, an id and an `em` of its own. */
export function contextsOf(app: App): (requestId: string) => Context {
  const shared = Object.create(app, {
    // Forked when first asked for: many requests never touch the ORM.
    em: {
      get(this: Context) {
        const em = app.db.orm.em.fork()
        Object.defineProperty(this, 'em', { value: em })
        return em
      },
    },
  })
  return requestId => Object.assign(Object.create(shared), { caller: null, requestId, facts: {} })
}
