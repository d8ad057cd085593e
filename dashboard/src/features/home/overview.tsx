import { useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'
import { useFormat } from '../../app/format.ts'
import type { ResultOf } from '../../graphql/graphql.ts'
import type { HomeDocument } from './home-page.tsx'

export function Overview({ data }: { data: ResultOf<typeof HomeDocument>['overview'] }) {
  const { t } = useLingui()
  const { number, percent } = useFormat()
  const { messages, webhooks, api } = data
  const figures = [
    { label: t`Sent`, value: number(messages.sent), note: t`${number(messages.delivered)} delivered` },
    { label: t`Received`, value: number(messages.received), note: t`${number(messages.failed)} failed to send` },
    {
      label: t`Webhook success`,
      value: webhooks.successRate === null ? '–' : percent(webhooks.successRate),
      note: t`${number(webhooks.pending)} waiting`,
    },
    { label: t`API requests`, value: number(api.requests), note: t`${number(api.errors)} errors` },
  ]
  return (
    <section aria-label={t`The last 24 hours`}>
      <div className="mb-3 flex items-baseline justify-between">
        <h2 className="font-semibold text-[15px]">{t`The last 24 hours`}</h2>
        <Link to="/usage" className="text-brand-ink underline-offset-4 hover:underline">{t`All plots`}</Link>
      </div>
      <dl className="grid grid-cols-2 gap-4 lg:grid-cols-4">
        {figures.map(({ label, value, note }) => (
          <div key={label} className="rounded-xl border bg-panel p-5 shadow-card">
            <dt className="text-[13px] text-soft">{label}</dt>
            <dd className="mt-1 font-semibold text-2xl tracking-tight tabular-nums">{value}</dd>
            <dd className="mt-0.5 text-[13px] text-soft">{note}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}
