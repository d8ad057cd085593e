import {
  Client,
  type CombinedError,
  fetchExchange,
  mapExchange,
  stringifyDocument,
  subscriptionExchange,
  type TypedDocumentNode,
} from '@urql/core'
import { cache } from './cache.ts'
import { refreshExchange } from './refresh.ts'
import { noteServerTime } from './server-clock.ts'
import { onUnauthorized, socket } from './socket.ts'

/** The only way to the server: its public GraphQL, by the session cookie. */

export const codeOf = (error: CombinedError | undefined): string | undefined =>
  error?.graphQLErrors.map(each => each.extensions.code).find(code => typeof code === 'string') as string | undefined

let whenSignedOut = () => {}

/** Called when the session is over, whatever was asked. */
export function onSignedOut(callback: () => void): void {
  whenSignedOut = callback
  onUnauthorized(callback)
}

async function fetchAndNote(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const sentMs = Date.now()
  const response = await fetch(input, init)
  noteServerTime(response.headers.get('date'), sentMs)
  return response
}

export const createGraphqlClient = (): Client =>
  new Client({
    url: '/graphql',
    preferGetMethod: false,
    requestPolicy: 'cache-and-network',
    fetch: fetchAndNote,
    exchanges: [
      mapExchange({
        onError(error) {
          if (codeOf(error) === 'unauthorized') whenSignedOut()
        },
      }),
      refreshExchange,
      cache,
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: sink => ({ unsubscribe: socket.subscribe({ query: query!, variables }, sink as never) }),
        }),
      }),
    ],
  })

/**
 * What a subscription tells, as it comes and past the cache: for what comes in floods and nobody asks for again. Each time that the socket
 * is back it asks with the variables of that moment.
 */
export function follow<Data, Variables extends Record<string, unknown>>(
  document: TypedDocumentNode<Data, Variables>,
  variables: () => Variables,
  onData: (data: Data) => void,
): () => void {
  const payload = {
    query: stringifyDocument(document),
    get variables() {
      return variables()
    },
  }
  return socket.subscribe<Data>(payload, {
    next: ({ data }) => data && onData(data),
    error(reason) {
      const isOver = Array.isArray(reason) && reason.some(each => each.extensions?.code === 'unauthorized')
      if (isOver) whenSignedOut()
    },
    complete() {},
  })
}
