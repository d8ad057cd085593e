import { type Client, CloseCode, createClient, type SubscribePayload } from 'graphql-ws'
import { WebSocket } from 'ws'
import { Lost, Trouble } from './trouble.ts'

/** A server of Wataki's as any client knows it: GraphQL over WebSocket, with an API key. */
export interface Server {
  /** The answer to a query. */
  ask<Data>(query: string, variables: Record<string, unknown>): Promise<Data>
  /**
   * What a subscription gives, until the reader is `WAITING_MAX` results behind: it is then over after those, and who
   * wants more asks again. Ends with `Lost` when the server or the network ends it.
   */
  follow<Data>(query: string, variables: Record<string, unknown>): AsyncGenerator<Data, void>
}

const WAITING_MAX = 500
const CONNECT_TIMEOUT_MS = 10_000
/** How long the line may be silent before the server is asked for a sign of life, and how long that may take. */
const SILENCE_MS = 10_000
const PONG_TIMEOUT_MS = 5_000

/** What a busy server answers. */
const PASSING = ['rate_limited', 'unavailable', 'internal_error']

class ImpatientSocket extends WebSocket {
  constructor(url: string, protocols: string) {
    super(url, protocols, { handshakeTimeout: CONNECT_TIMEOUT_MS })
  }
}

export function openServer(options: { url: URL; apiKey: string; onConnected: () => void }): Server {
  const { url, apiKey, onConnected } = options
  let pongTimer: NodeJS.Timeout | undefined
  const client = createClient({
    url: `${url.href.replace(/^http/, 'ws').replace(/\/+$/, '')}/graphql`,
    webSocketImpl: ImpatientSocket,
    connectionParams: { apiKey },
    connectionAckWaitTimeout: CONNECT_TIMEOUT_MS,
    keepAlive: SILENCE_MS,
    // Whoever reads knows where to go on, and when.
    retryAttempts: 0,
    on: {
      connected: onConnected,
      ping: () => {
        pongTimer = setTimeout(() => client.terminate(), PONG_TIMEOUT_MS)
      },
      pong: () => clearTimeout(pongTimer),
      closed: () => clearTimeout(pongTimer),
    },
  })
  const server: Server = {
    follow: (query, variables) => follow(client, { query, variables }, trouble => troubleOf(trouble, url)),
    async ask<Data>(query: string, variables: Record<string, unknown>) {
      for await (const data of server.follow<Data>(query, variables)) return data
      throw new Lost('the server gives no answer')
    },
  }
  return server
}

async function* follow<Data>(
  client: Client,
  payload: SubscribePayload,
  told: (trouble: unknown) => Trouble,
): AsyncGenerator<Data, void> {
  const waiting: Data[] = []
  const end: { how: 'behind' | Trouble | null } = { how: null }
  let wake = () => {}
  const over = (how: 'behind' | Trouble) => {
    end.how ??= how
    wake()
  }
  const leave = client.subscribe<Data>(payload, {
    next({ data, errors }) {
      if (errors) return over(told(errors))
      if (end.how) return
      waiting.push(data!)
      wake()
      if (waiting.length < WAITING_MAX) return
      over('behind')
      leave()
    },
    error: error => over(told(error)),
    complete: () => over(new Lost('the server has ended the stream')),
  })
  try {
    for (;;) {
      const next = waiting.shift()
      if (next) yield next
      else if (end.how === 'behind') return
      else if (end.how) throw end.how
      else {
        const woken = Promise.withResolvers<void>()
        wake = woken.resolve
        await woken.promise
      }
    }
  } finally {
    leave()
  }
}

/** Of errors of GraphQL, the end of a connection, or the failure to make one. */
function troubleOf(trouble: unknown, url: URL): Trouble {
  if (Array.isArray(trouble)) {
    const [{ message, extensions = {} }] = trouble as [
      { message: string; extensions?: { code?: string; details?: object } },
    ]
    return PASSING.includes(extensions.code ?? '') ? new Lost(message, extensions) : new Trouble(message, extensions)
  }
  const { code, reason, message, error } = trouble as {
    code?: number
    reason?: string
    message?: string
    error?: { code?: string }
  }
  if (code === CloseCode.Unauthorized)
    return new Trouble('the server does not take the API key', { code: 'unauthorized' })
  if (code === CloseCode.Forbidden) return new Trouble('the account is not active', { code: 'account_inactive' })
  if (code !== undefined) return new Lost(`the connection has ended (${[code, reason].filter(Boolean).join(', ')})`)
  return new Lost(`no connection to ${url.origin} (${error?.code ?? message})`)
}
