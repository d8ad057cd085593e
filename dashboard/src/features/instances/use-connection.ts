import { useSubscription } from 'urql'
import { ConnectionDocument } from './instance-queries.ts'

/** Keeps the state of an instance true on every page that shows it. */
export function useConnection(instanceId: string): void {
  useSubscription({ query: ConnectionDocument, variables: { instanceId } })
}
