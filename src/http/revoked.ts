import type { App, Caller } from '../context.ts'
import type { Revocation } from '../resolvers/auth/revocations.ts'

/** Streams and sockets outlive the moment in which their caller was let in: this ends those whose credentials ended. */

export interface Live {
  caller: Caller
  cut: () => void
}

export interface RevocationWatch {
  stop(): void
}

export interface WatchOptions {
  app: App
  /** What is open in this moment. */
  live: () => Live[]
  stillGood: (app: App, callers: readonly Caller[]) => Promise<Caller[]>
}

/** Between one question to the database, for all that is open, and the next. */
const ASK_EVERY_MS = 750

/** At once for what a node revoked; by asking for what the operator did, and what was not heard. */
export function watchRevocations({ app, live, stillGood }: WatchOptions): RevocationWatch {
  const stopListening = app.revocations.onRevoked(revocation => {
    for (const { caller, cut } of live()) if (isMeant(caller, revocation)) cut()
  })
  let timer = setTimeout(ask, ASK_EVERY_MS).unref()
  let stopped = false

  async function ask(): Promise<void> {
    const asked = live()
    try {
      if (asked.length > 0) {
        const good = new Set((await stillGood(app, distinct(asked))).map(nameOf))
        for (const { caller, cut } of asked) if (!good.has(nameOf(caller))) cut()
      }
    } catch (error) {
      app.log.warn({ err: error }, 'the credentials of open streams could not be looked at')
    }
    if (!stopped) timer = setTimeout(ask, ASK_EVERY_MS).unref()
  }

  return {
    stop() {
      stopped = true
      clearTimeout(timer)
      stopListening()
    },
  }
}

const nameOf = ({ via }: Caller): string => (via.kind === 'key' ? via.apiKeyId : via.sessionId)

const distinct = (live: Live[]): Caller[] => [...new Map(live.map(({ caller }) => [nameOf(caller), caller])).values()]

function isMeant(caller: Caller, { tenantId, apiKeyId, sessionId }: Revocation): boolean {
  if (caller.tenantId !== tenantId) return false
  const id = apiKeyId ?? sessionId
  return id === undefined || id === nameOf(caller)
}
