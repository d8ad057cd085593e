import { type Client, createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import type { Json } from './app.ts'

/** Over WebSocket, as somebody with a key. End it with `dispose`. */
export function socketClient(url: string, apiKey: string): Client {
  return createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { apiKey },
    retryAttempts: 0,
  })
}

/** All results of one operation, until it is complete. */
export async function results(client: Client, query: string): Promise<Json[]> {
  const all: Json[] = []
  for await (const result of client.iterate({ query })) all.push(result)
  return all
}

/** The parts of a `multipart/mixed` answer, parsed. */
export function partsOf(text: string): Json[] {
  return text
    .split(/\r\n---(?:--)?\r\n|\r\n---/)
    .map(part => part.slice(part.indexOf('\r\n\r\n') + 4).trim())
    .filter(part => part.startsWith('{'))
    .map(part => JSON.parse(part))
}
