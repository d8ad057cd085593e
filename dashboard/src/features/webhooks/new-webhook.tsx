import { Trans, useLingui } from '@lingui/react/macro'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useAction } from '../../app/use-action.ts'
import { Button } from '../../ui/button.tsx'
import { Dialog, DialogActions } from '../../ui/dialog.tsx'
import { Check, Field } from '../../ui/field.tsx'
import { Secret } from '../../ui/secret.tsx'
import { useInstance } from '../instances/instance-layout.tsx'
import { dotted, WEBHOOK_EVENTS, type WebhookEvent } from './event-names.ts'
import { CreateWebhookDocument } from './webhook-queries.ts'

interface Made {
  id: string
  secret: string | null
}

export function NewWebhook({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { t } = useLingui()
  const navigate = useNavigate()
  const { id: instanceId } = useInstance()
  const [made, setMade] = useState<Made | null>(null)
  const close = () => {
    onClose()
    if (made) void navigate({ to: '/i/$instanceId/webhooks/$webhookId', params: { instanceId, webhookId: made.id } })
    setMade(null)
  }
  return (
    <Dialog open={open} onClose={close} title={made ? t`The webhook is there` : t`New webhook`}>
      {made ? (
        <>
          <p className="mb-4 text-soft">
            <Trans>Check signatures with this secret. It is shown this once.</Trans>
          </p>
          <Secret name="WATAKI_WEBHOOK_SECRET" value={made.secret ?? ''} />
          <DialogActions>
            <Button look="primary" onClick={close}>
              <Trans>I have copied it</Trans>
            </Button>
          </DialogActions>
        </>
      ) : (
        <Form onMade={setMade} onClose={onClose} />
      )}
    </Dialog>
  )
}

function Form({ onMade, onClose }: { onMade: (made: Made) => void; onClose: () => void }) {
  const { t } = useLingui()
  const { id } = useInstance()
  const [busy, create] = useAction(CreateWebhookDocument)
  const [url, setUrl] = useState('')
  const [events, setEvents] = useState<WebhookEvent[]>(['message_received', 'message_status'])
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={async event => {
        event.preventDefault()
        const made = (await create({ instanceId: id, input: { url, events } }))?.createWebhook
        if (made) onMade(made)
      }}
    >
      <Field
        label={t`URL`}
        hint={t`Open to the internet: private addresses are refused, unless this server exempts them.`}
        type="url"
        placeholder="https://example.com/hook"
        value={url}
        onChange={event => setUrl(event.target.value)}
        required
      />
      <EventChoice events={events} onChange={setEvents} />
      <DialogActions>
        <Button onClick={onClose}>{t`Cancel`}</Button>
        <Button type="submit" look="primary" busy={busy} disabled={events.length === 0}>{t`Create`}</Button>
      </DialogActions>
    </form>
  )
}

export function EventChoice({
  events,
  onChange,
}: {
  events: WebhookEvent[]
  onChange: (events: WebhookEvent[]) => void
}) {
  return (
    <fieldset>
      <legend className="mb-2 font-medium text-[13px]">
        <Trans>Events</Trans>
      </legend>
      <div className="grid gap-x-4 sm:grid-cols-2">
        {WEBHOOK_EVENTS.map(each => (
          <Check
            key={each}
            label={<span className="font-mono text-[12.5px]">{dotted(each)}</span>}
            checked={events.includes(each)}
            onChange={({ target }) =>
              onChange(target.checked ? [...events, each] : events.filter(other => other !== each))
            }
          />
        ))}
      </div>
    </fieldset>
  )
}
