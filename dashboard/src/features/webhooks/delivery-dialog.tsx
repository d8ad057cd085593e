import { Trans, useLingui } from '@lingui/react/macro'
import { RotateCw } from 'lucide-react'
import { useQuery } from 'urql'
import { useFormat } from '../../app/format.ts'
import { useAction } from '../../app/use-action.ts'
import { Button } from '../../ui/button.tsx'
import { Code, CodeBlock } from '../../ui/copy.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Failure, Loading } from '../../ui/states.tsx'
import { useInstance } from '../instances/instance-layout.tsx'
import { DeliveryBadge } from './delivery-log.tsx'
import { dotted } from './event-names.ts'
import { DeliveryDocument, ReplayDocument } from './webhook-queries.ts'

export function DeliveryDialog({ deliveryId, onClose }: { deliveryId: string | undefined; onClose: () => void }) {
  const { t } = useLingui()
  return (
    <Dialog wide open={deliveryId !== undefined} onClose={onClose} title={t`Delivery`}>
      {deliveryId && <Detail deliveryId={deliveryId} />}
    </Dialog>
  )
}

function Detail({ deliveryId }: { deliveryId: string }) {
  const { t } = useLingui()
  const { dateTime, number, ago } = useFormat()
  const { id: instanceId } = useInstance()
  const [{ data, error }, ask] = useQuery({ query: DeliveryDocument, variables: { instanceId, deliveryId } })
  const [busy, replay] = useAction(ReplayDocument)
  if (!data) return error ? <Failure error={error} onRetry={ask} /> : <Loading />
  const { event, eventId, status, tries, request, nextAttemptAt } = data.webhookDelivery
  return (
    <div className="flex flex-col gap-5">
      <div className="flex flex-wrap items-center gap-3">
        <DeliveryBadge status={status} />
        <span className="font-mono text-[12.5px]">{dotted(event)}</span>
        <Code text={eventId} />
        <Button
          className="ml-auto"
          icon={RotateCw}
          busy={busy}
          onClick={async () => {
            await replay({ instanceId, deliveryId }, t`Sent again`)
            ask({ requestPolicy: 'network-only' })
          }}
        >
          <Trans>Replay</Trans>
        </Button>
      </div>
      <section>
        <h3 className="mb-2 font-semibold">
          <Trans>Tries</Trans>
        </h3>
        <ol className="flex flex-col gap-2">
          {tries.map((each, index) => (
            <li key={each.at} className="rounded-lg border px-4 py-3">
              <p className="flex flex-wrap gap-x-3">
                <span className="font-medium tabular-nums">{index + 1}.</span>
                <span>{each.statusCode ? t`Answered ${each.statusCode}` : (each.error ?? '')}</span>
                <span className="text-soft tabular-nums">{number(each.durationMs)} ms</span>
                <time dateTime={each.at} title={each.at} className="ml-auto text-soft">
                  {dateTime(each.at)}
                </time>
              </p>
              {each.response && (
                <pre className="mt-2 whitespace-pre-wrap break-all font-mono text-[12px] text-soft">
                  {each.response}
                </pre>
              )}
            </li>
          ))}
        </ol>
        {tries.length === 0 && <p className="text-soft">{t`Not tried yet.`}</p>}
        {nextAttemptAt && (
          <p className="mt-2 text-soft">
            <Trans>Next try {ago(nextAttemptAt)}</Trans>
          </p>
        )}
      </section>
      <section>
        <h3 className="mb-2 font-semibold">
          <Trans>Request</Trans>
        </h3>
        <p className="mb-2 break-all text-soft">POST {request.url}</p>
        {request.body ? (
          <div className="private">
            <CodeBlock label={t`Body`} text={pretty(request.body)} />
          </div>
        ) : (
          <p className="text-soft">
            <Trans>The body is kept no longer.</Trans>
          </p>
        )}
      </section>
    </div>
  )
}

const pretty = (body: string): string => JSON.stringify(JSON.parse(body), null, 2)
