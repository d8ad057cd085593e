import { Trans, useLingui } from '@lingui/react/macro'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { CheckCircle2, CircleAlert, Clock, History, Inbox } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useQuery, useSubscription } from 'urql'
import { useFormat } from '../../app/format.ts'
import type { ResultOf } from '../../graphql/graphql.ts'
import { Badge, type Tone } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Card } from '../../ui/card.tsx'
import { Select } from '../../ui/field.tsx'
import { Empty, Failure, Loading } from '../../ui/states.tsx'
import { useInstance } from '../instances/instance-layout.tsx'
import { DeliveryDialog } from './delivery-dialog.tsx'
import { dotted } from './event-names.ts'
import { ReplayFailed } from './replay-failed.tsx'
import { DeliveriesDocument, DeliveryNewsDocument } from './webhook-queries.ts'

type Delivery = ResultOf<typeof DeliveriesDocument>['webhookDeliveries']['data'][number]

const PAGE = 50

/** What was sent, what came of it, and when it is tried again: live. */
export function DeliveryLog() {
  const { t } = useLingui()
  const { id: instanceId } = useInstance()
  const { webhookId } = useParams({ from: '/gate/i/$instanceId/webhooks/$webhookId' })
  const { status, delivery } = useSearch({ from: '/gate/i/$instanceId/webhooks/$webhookId' })
  const navigate = useNavigate({ from: '/i/$instanceId/webhooks/$webhookId' })
  const [isReplaying, setReplaying] = useState(false)
  const [cursors, setCursors] = useState<(string | null)[]>([null])
  const [{ data, error }, ask] = useQuery({
    query: DeliveriesDocument,
    variables: { instanceId, webhookId, status, limit: PAGE, cursor: cursors.at(-1) },
  })
  const [{ data: news }] = useSubscription({ query: DeliveryNewsDocument, variables: { instanceId } })
  const deliveries = data?.webhookDeliveries.data
  const newest = news?.webhookDelivery.id
  const isUnknown = newest !== undefined && deliveries !== undefined && !deliveries.some(each => each.id === newest)
  useEffect(() => {
    if (isUnknown) ask({ requestPolicy: 'network-only' })
  }, [isUnknown, ask])
  const open = (id?: string) => navigate({ search: { status, delivery: id }, replace: true })
  return (
    <Card
      flush
      title={t`Deliveries`}
      hint={t`Kept for 30 days.`}
      actions={
        <>
          <Select
            bare
            label={t`Status`}
            value={status ?? ''}
            onChange={event => {
              setCursors([null])
              void navigate({ search: { status: (event.target.value || undefined) as typeof status }, replace: true })
            }}
          >
            <option value="">{t`All`}</option>
            <option value="delivered">{t`Delivered`}</option>
            <option value="pending">{t`Pending`}</option>
            <option value="failed">{t`Failed`}</option>
          </Select>
          <Button icon={History} onClick={() => setReplaying(true)}>
            <Trans>Replay failed…</Trans>
          </Button>
        </>
      }
    >
      {error && !deliveries ? (
        <div className="p-5">
          <Failure error={error} onRetry={ask} />
        </div>
      ) : !deliveries ? (
        <Loading />
      ) : deliveries.length === 0 ? (
        <Empty icon={Inbox} title={status ? t`None of this status` : t`Nothing sent yet`}>
          {!status && <Trans>Send a test event, and it appears here with its answer.</Trans>}
        </Empty>
      ) : (
        <Table deliveries={deliveries} onOpen={open} />
      )}
      {(data?.webhookDeliveries.page.nextCursor || cursors.length > 1) && (
        <div className="flex justify-end gap-2 border-t p-3">
          <Button
            size="sm"
            disabled={cursors.length === 1}
            onClick={() => setCursors(cursors.slice(0, -1))}
          >{t`Newer`}</Button>
          <Button
            size="sm"
            disabled={!data?.webhookDeliveries.page.nextCursor}
            onClick={() => setCursors([...cursors, data?.webhookDeliveries.page.nextCursor ?? null])}
          >{t`Older`}</Button>
        </div>
      )}
      <DeliveryDialog deliveryId={delivery} onClose={() => open()} />
      <ReplayFailed open={isReplaying} onClose={() => setReplaying(false)} webhookId={webhookId} />
    </Card>
  )
}

function Table({ deliveries, onOpen }: { deliveries: Delivery[]; onOpen: (id: string) => void }) {
  const { t } = useLingui()
  const { ago, dateTime, number } = useFormat()
  return (
    <section
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
      tabIndex={0}
      aria-label={t`Deliveries`}
      className="relative overflow-x-auto"
    >
      <table className="w-full min-w-[44rem] text-left">
        <thead className="text-[13px] text-soft">
          <tr className="border-b">
            {[t`Status`, t`Event`, t`Answer`, t`Tries`, t`When`].map(head => (
              <th key={head} scope="col" className="px-5 py-2.5 font-medium">
                {head}
              </th>
            ))}
            <th scope="col" className="px-5 py-2.5">
              <span className="sr-only">
                <Trans>Details</Trans>
              </span>
            </th>
          </tr>
        </thead>
        <tbody className="divide-y">
          {deliveries.map(delivery => {
            const last = delivery.tries.at(-1)
            return (
              <tr key={delivery.id} className="hover:bg-sunken">
                <td className="px-5 py-2.5">
                  <DeliveryBadge status={delivery.status} />
                </td>
                <td className="px-5 py-2.5 font-mono text-[12.5px]">{dotted(delivery.event)}</td>
                <td className="max-w-64 truncate px-5 py-2.5 text-soft">
                  {last ? `${last.statusCode ?? last.error ?? ''} · ${number(last.durationMs)} ms` : '–'}
                </td>
                <td className="px-5 py-2.5 tabular-nums">{delivery.attempts}</td>
                <td className="px-5 py-2.5 text-soft" title={dateTime(delivery.createdAt)}>
                  {ago(delivery.createdAt)}
                  {delivery.nextAttemptAt && (
                    <span className="block text-[12px]">
                      <Trans>next try {ago(delivery.nextAttemptAt)}</Trans>
                    </span>
                  )}
                </td>
                <td className="px-5 py-2.5 text-right">
                  <Button size="sm" onClick={() => onOpen(delivery.id)}>
                    <Trans>Details</Trans>
                  </Button>
                </td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </section>
  )
}

export function DeliveryBadge({ status }: { status: Delivery['status'] }) {
  const { t } = useLingui()
  const [tone, icon, name] = {
    pending: ['info' as Tone, Clock, t`Pending`] as const,
    delivered: ['ok' as Tone, CheckCircle2, t`Delivered`] as const,
    failed: ['danger' as Tone, CircleAlert, t`Failed`] as const,
  }[status]
  return (
    <Badge tone={tone} icon={icon}>
      {name}
    </Badge>
  )
}
