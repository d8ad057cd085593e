import { Trans, useLingui } from '@lingui/react/macro'
import { useQuery } from 'urql'
import { useFormat } from '../../app/format.ts'
import { useMe } from '../../app/session.ts'
import { graphql } from '../../graphql/graphql.ts'
import { Page } from '../../ui/page.tsx'
import { Failure, Loading } from '../../ui/states.tsx'
import { NewInstance } from '../instances/new-instance.tsx'
import { TrySandbox } from '../instances/try-sandbox.tsx'
import { Checklist } from './checklist.tsx'
import { Overview } from './overview.tsx'
import { RecentInstances } from './recent-instances.tsx'

export const HomeDocument = graphql(`
  query Home($since: DateTime!) {
    overview {
      messages {
        sent
        delivered
        read
        failed
        received
      }
      instances {
        total
        connected
      }
      webhooks {
        delivered
        failed
        pending
        successRate
      }
      api {
        requests
        errors
        p95Ms
      }
    }
    ever: overview(since: $since) {
      messages {
        sent
        received
      }
      webhooks {
        delivered
      }
    }
    instances(limit: 50) {
      data {
        id
        name
        phoneNumber
        sandbox
        status {
          state
          lastError
          updatedAt
        }
      }
    }
    apiKeys {
      data {
        id
        lastUsedAt
      }
    }
  }
`)

/** As far back as a report by the day goes. */
const DAYS_BACK = 399

function useSince(): string {
  const { createdAt } = useMe()
  const earliest = new Date()
  earliest.setUTCDate(earliest.getUTCDate() - DAYS_BACK)
  earliest.setUTCHours(0, 0, 0, 0)
  return createdAt > earliest.toISOString() ? createdAt : earliest.toISOString()
}

export function HomePage() {
  const { t } = useLingui()
  const { number } = useFormat()
  const me = useMe()
  const [{ data, error }, retry] = useQuery({ query: HomeDocument, variables: { since: useSince() } })
  const connected = data?.overview.instances.connected ?? 0
  const total = data?.overview.instances.total ?? 0
  return (
    <Page
      title={t`Hello, ${me.name}`}
      lead={
        data && total > 0 ? (
          <Trans>
            {number(connected)} of {number(total)} instances connected.
          </Trans>
        ) : (
          <Trans>Link a phone, or try everything without one.</Trans>
        )
      }
      actions={
        total > 0 && (
          <>
            <TrySandbox />
            <NewInstance />
          </>
        )
      }
    >
      {error && !data && <Failure error={error} onRetry={() => retry({ requestPolicy: 'network-only' })} />}
      {!data && !error && <Loading rows={5} />}
      {data && (
        <>
          <Checklist data={data} />
          <Overview data={data.overview} />
          {total > 0 && <RecentInstances instances={data.instances.data} />}
        </>
      )}
    </Page>
  )
}
