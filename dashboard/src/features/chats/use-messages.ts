import { useSubscription } from 'urql'
import { CreatedDocument, ReactedDocument, ReceivedDocument, StatusDocument, UpdatedDocument } from './chat-queries.ts'

/** Keeps the messages of an instance true: the cache puts what comes in its place. */
export function useLiveMessages(instanceId: string): void {
  const variables = { instanceId }
  useSubscription({ query: ReceivedDocument, variables })
  useSubscription({ query: CreatedDocument, variables })
  useSubscription({ query: StatusDocument, variables })
  useSubscription({ query: UpdatedDocument, variables })
  useSubscription({ query: ReactedDocument, variables })
}
