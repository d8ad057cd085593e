import { Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'
import { Plus, Webhook as WebhookIcon } from 'lucide-react'
import { useState } from 'react'
import { useQuery } from 'urql'
import { listenCommand } from '../../app/listen-command.ts'
import type { ResultOf } from '../../graphql/graphql.ts'
import { Badge } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Card } from '../../ui/card.tsx'
import { CodeBlock } from '../../ui/copy.tsx'
import { Empty, Failure, Loading } from '../../ui/states.tsx'
import { useInstance } from '../instances/instance-layout.tsx'
import { dotted, WEBHOOK_EVENTS } from './event-names.ts'
import { NewWebhook } from './new-webhook.tsx'
import { WebhooksDocument } from './webhook-queries.ts'

type Webhook = ResultOf<typeof WebhooksDocument>['webhooks']['data'][number]

export function WebhooksPage() {
  const { t } = useLingui()
  const { id } = useInstance()
  const [isNew, setNew] = useState(false)
  const [{ data, error }, retry] = useQuery({ query: WebhooksDocument, variables: { instanceId: id } })
  const webhooks = data?.webhooks.data
  const create = (
    <Button look="primary" icon={Plus} onClick={() => setNew(true)}>
      <Trans>New webhook</Trans>
    </Button>
  )
  return (
    <div className="mx-auto flex max-w-6xl flex-col gap-6 px-4 py-6 sm:px-8">
      <Card
        flush
        title={t`Webhooks`}
        hint={t`Addresses of yours that are told what happens here: ten at most.`}
        actions={webhooks?.length ? create : null}
      >
        {error && !webhooks ? (
          <div className="p-5">
            <Failure error={error} onRetry={retry} />
          </div>
        ) : !webhooks ? (
          <Loading />
        ) : webhooks.length === 0 ? (
          <Empty icon={WebhookIcon} title={t`No webhooks yet`} actions={create}>
            <Trans>Each event is signed, tried four times, and kept in a log from which it can be sent again.</Trans>
          </Empty>
        ) : (
          <ul className="divide-y">
            {webhooks.map(webhook => (
              <Row key={webhook.id} webhook={webhook} />
            ))}
          </ul>
        )}
      </Card>
      <Card
        title={t`On your own machine`}
        hint={t`Webhooks need an address that is open to the internet. While you develop, listen instead: no tunnel.`}
      >
        <CodeBlock label={t`Command`} text={listenCommand(id)} />
      </Card>
      <NewWebhook open={isNew} onClose={() => setNew(false)} />
    </div>
  )
}

function Row({ webhook }: { webhook: Webhook }) {
  const { t } = useLingui()
  const { id: instanceId } = useInstance()
  const { id, url, events } = webhook
  const isAll = events.length === WEBHOOK_EVENTS.length
  return (
    <li>
      <Link
        to="/i/$instanceId/webhooks/$webhookId"
        params={{ instanceId, webhookId: id }}
        className="flex flex-wrap items-center gap-x-4 gap-y-1 px-5 py-3.5 hover:bg-sunken"
      >
        <span className="min-w-0 flex-1 basis-64">
          <span className="block truncate font-medium">{url}</span>
          <span className={`block truncate text-[13px] ${isAll ? 'text-warn' : 'text-soft'}`}>
            {isAll ? t`All events` : events.map(dotted).join(', ')}
          </span>
        </span>
        <Activity webhook={webhook} />
      </Link>
    </li>
  )
}

export function Activity({ webhook: { active, disabledReason } }: { webhook: Webhook }) {
  const { t } = useLingui()
  if (active) return <Badge tone="ok">{t`Active`}</Badge>
  if (disabledReason === 'gone') return <Badge tone="danger">{t`Deactivated: answered 410`}</Badge>
  if (disabledReason === 'failing') return <Badge tone="danger">{t`Deactivated: took nothing for days`}</Badge>
  return <Badge>{t`Inactive`}</Badge>
}
