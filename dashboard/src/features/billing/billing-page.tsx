import { Trans, useLingui } from '@lingui/react/macro'
import { Check, ExternalLink } from 'lucide-react'
import { useQuery } from 'urql'
import { useFormat } from '../../app/format.ts'
import { useAction } from '../../app/use-action.ts'
import { graphql, type ResultOf } from '../../graphql/graphql.ts'
import { Badge } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Card } from '../../ui/card.tsx'
import { Page } from '../../ui/page.tsx'
import { Failure, Loading } from '../../ui/states.tsx'

const BillingDocument = graphql(`
  query Billing {
    plans {
      data {
        id
        name
        priceCents
        includedMessages
      }
    }
    usage {
      plan {
        id
        name
      }
      billingCycle {
        start
        end
        daysRemaining
      }
      usage {
        sent
        included
        remaining
      }
      subscription {
        status
        periodEnd
        endsAt
        graceEndsAt
      }
    }
  }
`)

const UpgradeDocument = graphql(`
  mutation Upgrade($input: UpgradeInput!) {
    upgrade(input: $input) {
      checkoutUrl
    }
  }
`)

const PortalDocument = graphql(`
  mutation Portal {
    openPortal {
      url
    }
  }
`)

type Data = ResultOf<typeof BillingDocument>

export function BillingPage() {
  const { t } = useLingui()
  const [{ data, error }, retry] = useQuery({ query: BillingDocument })
  return (
    <Page title={t`Billing`} lead={t`Only sent messages count. Reactions, receipts and what you receive are free.`}>
      {error && !data && <Failure error={error} onRetry={() => retry({ requestPolicy: 'network-only' })} />}
      {!data && !error && <Loading rows={5} />}
      {data && (
        <>
          <Meter usage={data.usage} />
          <section aria-label={t`Plans`} className="grid gap-4 md:grid-cols-3">
            {data.plans.data.map(plan => (
              <PlanCard key={plan.id} plan={plan} present={data.usage.plan.id} />
            ))}
          </section>
        </>
      )}
    </Page>
  )
}

function Meter({ usage: { plan, billingCycle, usage, subscription } }: { usage: Data['usage'] }) {
  const { t } = useLingui()
  const { number, date } = useFormat()
  const [busy, open] = useAction(PortalDocument)
  const share = usage.included === null ? 0 : Math.min(1, usage.sent / usage.included)
  return (
    <Card
      title={t`This month: ${plan.name}`}
      hint={t`${date(billingCycle.start)} to ${date(billingCycle.end)} · days left: ${number(billingCycle.daysRemaining)}`}
      actions={
        subscription && (
          <Button
            icon={ExternalLink}
            busy={busy}
            onClick={async () => {
              const url = (await open({}))?.openPortal?.url
              if (url) location.assign(url)
            }}
          >
            <Trans>Invoices and cards</Trans>
          </Button>
        )
      }
    >
      <p className="font-semibold text-2xl tabular-nums tracking-tight">
        {number(usage.sent)}
        <span className="font-normal text-base text-soft">
          {' '}
          {usage.included === null ? (
            <Trans>messages sent, no limit on this server</Trans>
          ) : (
            <Trans>of {number(usage.included)} messages sent</Trans>
          )}
        </span>
      </p>
      {usage.included !== null && (
        <div
          role="progressbar"
          aria-label={t`Messages sent`}
          aria-valuemin={0}
          aria-valuemax={usage.included}
          aria-valuenow={usage.sent}
          className="mt-4 h-2 overflow-hidden rounded-full bg-sunken"
        >
          <div
            className={`h-full rounded-full ${share >= 0.9 ? 'bg-danger' : 'bg-brand'}`}
            style={{ width: `${share * 100}%` }}
          />
        </div>
      )}
      {subscription?.graceEndsAt && (
        <p className="mt-4 rounded-lg bg-danger-soft px-4 py-3 text-danger">
          <Trans>A payment has failed. Pay before {date(subscription.graceEndsAt)}, and the plan stays.</Trans>
        </p>
      )}
      {subscription?.endsAt && (
        <p className="mt-4 rounded-lg bg-warn-soft px-4 py-3 text-warn">
          <Trans>The subscription ends on {date(subscription.endsAt)}.</Trans>
        </p>
      )}
    </Card>
  )
}

function PlanCard({ plan, present }: { plan: Data['plans']['data'][number]; present: string }) {
  const { t } = useLingui()
  const { dollars, number } = useFormat()
  const [busy, upgrade] = useAction(UpgradeDocument)
  const isPresent = plan.id === present
  return (
    <div
      className={`flex flex-col gap-4 rounded-xl border bg-panel p-6 shadow-card ${isPresent ? 'border-brand' : ''}`}
    >
      <div className="flex items-center justify-between">
        <h2 className="font-semibold text-[15px]">{plan.name}</h2>
        {isPresent && <Badge tone="ok" icon={Check}>{t`Your plan`}</Badge>}
      </div>
      <p>
        <span className="font-semibold text-3xl tabular-nums tracking-tight">{dollars(plan.priceCents)}</span>
        <span className="text-soft">
          {' '}
          <Trans>a month</Trans>
        </span>
      </p>
      <p className="text-soft">
        <Trans>{number(plan.includedMessages)} messages a month</Trans>
      </p>
      {plan.id !== 'free' && !isPresent && (
        <Button
          look="primary"
          busy={busy}
          className="mt-auto"
          onClick={async () => {
            const url = (await upgrade({ input: { plan: plan.id } }))?.upgrade?.checkoutUrl
            if (url) location.assign(url)
          }}
        >
          {t`Choose ${plan.name}`}
        </Button>
      )}
    </div>
  )
}
