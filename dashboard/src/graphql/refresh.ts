import type { Client, Exchange, Operation } from '@urql/core'
import { pipe, tap } from 'wonka'
import { onReturn } from './socket.ts'

/** What is on screen is asked for again when it may have changed; until the answer is there it stays as it was. */

const shown = new Map<number, Operation>()
const changed = new Set<string>()
/** Of a burst of news. */
const TOGETHER_MS = 100

let askShown: (isWanted: (operation: Operation) => boolean) => void = () => {}

/** By the names of root fields. */
export function askAgain(...fields: string[]): void {
  if (changed.size === 0) {
    setTimeout(() => {
      const wanted = new Set(changed)
      changed.clear()
      askShown(operation => rootFieldsOf(operation).some(field => wanted.has(field)))
    }, TOGETHER_MS)
  }
  for (const field of fields) changed.add(field)
}

export const refreshExchange: Exchange = ({ forward, client }) => {
  askShown = isWanted => {
    for (const operation of shown.values()) if (isWanted(operation)) again(client, operation)
  }
  // What happened while the socket was away was not told.
  onReturn(() => askShown(() => true))
  return operations =>
    pipe(
      operations,
      tap(operation => {
        if (operation.kind === 'query') shown.set(operation.key, operation)
        if (operation.kind === 'teardown') shown.delete(operation.key)
      }),
      forward,
    )
}

function again(client: Client, operation: Operation): void {
  client.reexecuteOperation(client.createRequestOperation('query', operation, { requestPolicy: 'network-only' }))
}

const rootFieldsOf = ({ query }: Operation): string[] =>
  query.definitions
    .filter(each => each.kind === 'OperationDefinition')
    .flatMap(({ selectionSet }) => selectionSet.selections)
    .flatMap(each => (each.kind === 'Field' ? [each.name.value] : []))
