import { useLingui } from '@lingui/react/macro'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useMemo } from 'react'
import { useQuery } from 'urql'
import { useFormat } from '../../app/format.ts'
import { RANGES, type Range } from '../../app/router.tsx'
import { graphql, type ResultOf } from '../../graphql/graphql.ts'
import { Select } from '../../ui/field.tsx'
import { Page } from '../../ui/page.tsx'
import { Failure, Loading } from '../../ui/states.tsx'
import { ErrorList } from './error-list.tsx'
import { InstanceTable } from './instance-table.tsx'
import { PlotCard } from './plot-card.tsx'
import { useEvery } from './use-every.ts'

const UsageDocument = graphql(`
  query UsageReport($since: DateTime!, $until: DateTime!) {
    messageStats(since: $since, until: $until) {
      bucket
      totals {
        sent
        delivered
        read
        failed
        received
      }
      series {
        at
        sent
        delivered
        read
        failed
        received
      }
    }
    webhookStats(since: $since, until: $until) {
      totals {
        delivered
        failed
        retried
      }
      series {
        at
        delivered
        failed
        retried
      }
    }
    apiUsage(since: $since, until: $until) {
      totals {
        requests
        errors
        p50Ms
        p95Ms
      }
      series {
        at
        requests
        errors
        p95Ms
      }
    }
    instanceHealth(since: $since, until: $until) {
      data {
        id
        name
        state
        uptimeRatio
        reconnects
        lastError
        sent
        received
        failed
      }
    }
    errorSummary(since: $since, until: $until) {
      byCategory {
        api
        messages
        webhooks
        connections
      }
      recent {
        at
        category
        code
        message
        instanceId
      }
    }
  }
`)

const HOUR_MS = 3_600_000
const HOURS: Record<Range, number> = { '24h': 24, '7d': 168, '30d': 720, '90d': 2160 }
const AGAIN_MS = 10_000

/** Whole hours, so that the same question is asked until the next one begins. */
function windowOf(range: Range, nowMs: number) {
  const untilMs = Math.ceil(nowMs / HOUR_MS) * HOUR_MS
  return { since: new Date(untilMs - HOURS[range] * HOUR_MS).toISOString(), until: new Date(untilMs).toISOString() }
}

export function UsagePage() {
  const { t } = useLingui()
  const { range = '24h' } = useSearch({ from: '/gate/usage' })
  const navigate = useNavigate({ from: '/usage' })
  const names: Record<Range, string> = {
    '24h': t`Last 24 hours`,
    '7d': t`Last 7 days`,
    '30d': t`Last 30 days`,
    '90d': t`Last 90 days`,
  }
  const hour = Math.ceil(useEvery(AGAIN_MS) / HOUR_MS)
  const variables = useMemo(() => windowOf(range, hour * HOUR_MS), [range, hour])
  const [{ data, error }, ask] = useQuery({ query: UsageDocument, variables })
  useEvery(AGAIN_MS, () => {
    if (document.visibilityState === 'visible') ask({ requestPolicy: 'network-only' })
  })
  return (
    <Page
      title={t`Usage & health`}
      lead={t`Refreshed every ten seconds.`}
      actions={
        <Select
          bare
          label={t`Time`}
          value={range}
          onChange={event => navigate({ search: { range: event.target.value as Range }, replace: true })}
        >
          {RANGES.map(each => (
            <option key={each} value={each}>
              {names[each]}
            </option>
          ))}
        </Select>
      }
    >
      {error && !data && <Failure error={error} onRetry={() => ask({ requestPolicy: 'network-only' })} />}
      {!data && !error && <Loading rows={5} />}
      {data && <Report data={data} />}
    </Page>
  )
}

function Report({ data }: { data: ResultOf<typeof UsageDocument> }) {
  const { t } = useLingui()
  const { number } = useFormat()
  const { messageStats, webhookStats, apiUsage } = data
  const m = messageStats.totals
  const w = webhookStats.totals
  const a = apiUsage.totals
  const isDaily = messageStats.bucket === 'day'
  return (
    <>
      <PlotCard
        title={t`Messages`}
        summary={t`${number(m.sent)} sent, ${number(m.delivered)} delivered, ${number(m.read)} read, ${number(m.failed)} failed, ${number(m.received)} received.`}
        isDaily={isDaily}
        at={messageStats.series.map(each => each.at)}
        lines={[
          { label: t`Sent`, color: 'brand', values: messageStats.series.map(each => each.sent) },
          { label: t`Received`, color: 'info', values: messageStats.series.map(each => each.received) },
          { label: t`Failed`, color: 'danger', values: messageStats.series.map(each => each.failed) },
        ]}
      />
      <div className="grid gap-6 lg:grid-cols-2">
        <PlotCard
          title={t`Webhook deliveries`}
          summary={t`${number(w.delivered)} delivered, ${number(w.failed)} failed, ${number(w.retried)} tried again.`}
          isDaily={isDaily}
          at={webhookStats.series.map(each => each.at)}
          lines={[
            { label: t`Delivered`, color: 'brand', values: webhookStats.series.map(each => each.delivered) },
            { label: t`Tried again`, color: 'warn', values: webhookStats.series.map(each => each.retried) },
            { label: t`Failed`, color: 'danger', values: webhookStats.series.map(each => each.failed) },
          ]}
        />
        <PlotCard
          title={t`API requests`}
          summary={
            a.requests === 0
              ? t`None with an API key.`
              : t`${number(a.requests)} with an API key, ${number(a.errors)} errors. Half took less than ${number(a.p50Ms)} ms, 95 % less than ${number(a.p95Ms)} ms.`
          }
          isDaily={isDaily}
          at={apiUsage.series.map(each => each.at)}
          lines={[
            { label: t`Requests`, color: 'info', values: apiUsage.series.map(each => each.requests) },
            { label: t`Errors`, color: 'danger', values: apiUsage.series.map(each => each.errors) },
          ]}
        />
      </div>
      <InstanceTable instances={data.instanceHealth.data} />
      <ErrorList summary={data.errorSummary} />
    </>
  )
}

export type Usage = ResultOf<typeof UsageDocument>
