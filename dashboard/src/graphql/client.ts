import { Client, type CombinedError, fetchExchange, mapExchange, subscriptionExchange } from '@urql/core'
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
  const response = await fetch(input, init)
  noteServerTime(response.headers.get('date'))
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
