import type { Exchange, Operation } from '@urql/core'
import { pipe, tap } from 'wonka'
import { onReturn } from './socket.ts'

/** Asks all that is on screen again when the socket is back. */
export const refreshExchange: Exchange =
  ({ forward, client }) =>
  operations => {
    const shown = new Map<number, Operation>()
    onReturn(() => {
      for (const operation of shown.values()) {
        client.reexecuteOperation(client.createRequestOperation('query', operation, { requestPolicy: 'network-only' }))
      }
    })
    return pipe(
      operations,
      tap(operation => {
        if (operation.kind === 'query') shown.set(operation.key, operation)
        if (operation.kind === 'teardown') shown.delete(operation.key)
      }),
      forward,
    )
  }
