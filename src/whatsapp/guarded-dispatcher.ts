import { isMediaHost } from './media/place.ts'
import { leaveScope } from './trust.ts'

/** The part of undici's dispatchers that `fetch` uses. */
interface Dispatcher {
  dispatch(options: { origin?: string | URL }, handler: unknown): boolean
}

/** Where Node keeps the dispatcher of its `fetch`. */
const GLOBAL = Symbol.for('undici.globalDispatcher.1')

/** For what Baileys fetches by itself: it dials WhatsApp's hosts only, or with a media host of ours that one. */
export function guardedDispatcher(ownHost: string | null): Dispatcher {
  return {
    dispatch(options, handler) {
      const origin = String(options.origin)
      if (!URL.canParse(origin) || !isMediaHost(new URL(origin), ownHost)) throw new Error('no place of WhatsApp')
      const dispatcher = (globalThis as unknown as Record<symbol, Dispatcher>)[GLOBAL]!
      // The connection it opens is everybody's.
      return leaveScope(() => dispatcher.dispatch(options, handler))
    },
  }
}
