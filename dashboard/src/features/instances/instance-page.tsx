import { Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'
import { CheckCircle2, MessageSquare } from 'lucide-react'
import { useQuery } from 'urql'
import { phone, useFormat } from '../../app/format.ts'
import { useAction } from '../../app/use-action.ts'
import { graphql } from '../../graphql/graphql.ts'
import { Button, buttonClass } from '../../ui/button.tsx'
import { Card } from '../../ui/card.tsx'
import { PairingPanel } from '../pairing/pairing-panel.tsx'
import { VirtualPhone } from '../sandbox/virtual-phone.tsx'
import { useInstance } from './instance-layout.tsx'
import { DisconnectDocument } from './instance-queries.ts'
import { useStateName } from './state-badge.tsx'

const HealthDocument = graphql(`
  query InstanceHealth($instanceId: ID!, $after: ID) {
    instanceHealth {
      data {
        id
        uptimeRatio
        reconnects
        sent
        received
        failed
      }
    }
    events(instanceId: $instanceId, after: $after, limit: 1) {
      data {
        id
        event
        timestamp
      }
    }
  }
`)

export function InstancePage() {
  const instance = useInstance()
  return (
    <div className="mx-auto grid max-w-6xl gap-6 px-4 py-6 sm:px-8 lg:grid-cols-[minmax(0,1fr)_auto]">
      <div className="flex min-w-0 flex-col gap-6">
        {instance.status.state === 'connected' ? <Linked /> : <PairingPanel key={instance.id} />}
        <Health />
      </div>
      {instance.sandbox && <VirtualPhone />}
    </div>
  )
}

function Linked() {
  const { t } = useLingui()
  const { id, phoneNumber } = useInstance()
  const [busy, disconnect] = useAction(DisconnectDocument)
  return (
    <Card>
      <div className="flex flex-wrap items-center gap-4">
        <span className="grid size-11 place-items-center rounded-xl bg-brand-soft text-brand-ink">
          <CheckCircle2 className="size-6" aria-hidden />
        </span>
        <div className="mr-auto min-w-0" role="status">
          <h2 className="font-semibold text-[15px]">
            <Trans>Connected</Trans>
            {phoneNumber && <span className="private"> · {phone(phoneNumber)}</span>}
          </h2>
          <p className="text-soft">
            <Trans>Messages flow. Send one, and watch it arrive.</Trans>
          </p>
        </div>
        <Button
          busy={busy}
          onClick={() => disconnect({ instanceId: id }, t`Disconnected. The link stays: connect again with no scan.`)}
        >
          <Trans>Disconnect</Trans>
        </Button>
        <Link to="/i/$instanceId/chats" params={{ instanceId: id }} className={buttonClass('primary')}>
          <MessageSquare className="size-4" aria-hidden />
          <Trans>Open chats</Trans>
        </Link>
      </div>
    </Card>
  )
}

function Health() {
  const { t } = useLingui()
  const { ago, dateTime, percent, number } = useFormat()
  const name = useStateName()
  const { id, status, eventCount } = useInstance()
  const [{ data }] = useQuery({
    query: HealthDocument,
    variables: { instanceId: id, after: String(Math.max(0, eventCount - 1)) },
  })
  const health = data?.instanceHealth.data.find(each => each.id === id)
  const lastEvent = data?.events.data[0]
  const facts: [string, string, string?][] = [
    [t`State`, name(status.state)],
    [t`Since`, ago(status.updatedAt), dateTime(status.updatedAt)],
    [t`Last event`, lastEvent ? ago(lastEvent.timestamp) : t`None yet`, lastEvent && dateTime(lastEvent.timestamp)],
    [t`Online, 24 h`, health?.uptimeRatio != null ? percent(health.uptimeRatio) : '–'],
    [t`Reconnects, 24 h`, health ? number(health.reconnects) : '–'],
    [t`Sent, 24 h`, health ? number(health.sent) : '–'],
    [t`Received, 24 h`, health ? number(health.received) : '–'],
    [t`Failed, 24 h`, health ? number(health.failed) : '–'],
  ]
  return (
    <Card title={t`Health`} hint={t`Linked, online and hearing events are three different things: here is each.`}>
      <dl className="grid grid-cols-2 gap-x-6 gap-y-5 sm:grid-cols-4">
        {facts.map(([what, value, title]) => (
          <div key={what} className="min-w-0">
            <dt className="text-[13px] text-soft">{what}</dt>
            <dd className="truncate font-medium text-[15px] tabular-nums" title={title}>
              {value}
            </dd>
          </div>
        ))}
      </dl>
      {status.lastError && (
        <p className="mt-5 rounded-lg bg-warn-soft px-4 py-3 text-warn">
          <Trans>Last problem: {status.lastError}</Trans>
        </p>
      )}
    </Card>
  )
}
