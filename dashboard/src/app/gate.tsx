import { Outlet } from '@tanstack/react-router'
import { useQuery } from 'urql'
import { codeOf } from '../graphql/client.ts'
import { Failure, Loading } from '../ui/states.tsx'
import { MeContext, MeDocument } from './session.ts'
import { Shell } from './shell.tsx'

/** Lets in who is signed in; others are on their way to the sign-in page. */
export function Gate() {
  const [{ data, error }, retry] = useQuery({ query: MeDocument, requestPolicy: 'cache-first' })
  if (data) {
    return (
      <MeContext value={data.me}>
        <Shell>
          <Outlet />
        </Shell>
      </MeContext>
    )
  }
  return (
    <main className="mx-auto max-w-xl p-8">
      {error && codeOf(error) !== 'unauthorized' ? (
        <Failure error={error} onRetry={() => retry({ requestPolicy: 'network-only' })} />
      ) : (
        <Loading />
      )}
    </main>
  )
}
