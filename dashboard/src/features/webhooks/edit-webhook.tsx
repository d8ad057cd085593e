import { useLingui } from '@lingui/react/macro'
import { useState } from 'react'
import { useAction } from '../../app/use-action.ts'
import type { ResultOf } from '../../graphql/graphql.ts'
import { Button } from '../../ui/button.tsx'
import { Dialog, DialogActions } from '../../ui/dialog.tsx'
import { Field } from '../../ui/field.tsx'
import { useInstance } from '../instances/instance-layout.tsx'
import type { WebhookEvent } from './event-names.ts'
import { EventChoice } from './new-webhook.tsx'
import { UpdateWebhookDocument, type WebhookDocument } from './webhook-queries.ts'

type Webhook = ResultOf<typeof WebhookDocument>['webhook']

export function EditWebhook({ open, onClose, webhook }: { open: boolean; onClose: () => void; webhook: Webhook }) {
  const { t } = useLingui()
  return (
    <Dialog open={open} onClose={onClose} title={t`Edit the webhook`}>
      {open && <Form webhook={webhook} onClose={onClose} />}
    </Dialog>
  )
}

function Form({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const { t } = useLingui()
  const { id: instanceId } = useInstance()
  const [busy, update] = useAction(UpdateWebhookDocument)
  const [url, setUrl] = useState(webhook.url)
  const [events, setEvents] = useState<WebhookEvent[]>(webhook.events)
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={async event => {
        event.preventDefault()
        if (await update({ instanceId, webhookId: webhook.id, input: { url, events } }, t`Saved`)) onClose()
      }}
    >
      <Field label={t`URL`} type="url" value={url} onChange={event => setUrl(event.target.value)} required />
      <EventChoice events={events} onChange={setEvents} />
      <DialogActions>
        <Button onClick={onClose}>{t`Cancel`}</Button>
        <Button type="submit" look="primary" busy={busy} disabled={events.length === 0}>{t`Save`}</Button>
      </DialogActions>
    </form>
  )
}
