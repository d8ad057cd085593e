import { Navigate, Outlet } from '@tanstack/react-router'
import { useQuery } from 'urql'
import { codeOf } from '../graphql/client.ts'
import { Failure, Loading } from '../ui/states.tsx'
import { MeContext, MeDocument } from './session.ts'
import { Shell } from './shell.tsx'

/** Lets in who is signed in; others go to the sign-in page. */
export function Gate() {
  const [{ data, error, stale }, retry] = useQuery({ query: MeDocument })
  if (data) {
    return (
      <MeContext value={data.me}>
        <Shell>
          <Outlet />
        </Shell>
      </MeContext>
    )
  }
  if (error && codeOf(error) === 'unauthorized' && !stale) return <Navigate to="/login" replace />
  return (
    <main className="mx-auto max-w-xl p-8">
      {error ? <Failure error={error} onRetry={() => retry({ requestPolicy: 'network-only' })} /> : <Loading />}
    </main>
  )
}
