import { Trans, useLingui } from '@lingui/react/macro'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { ArrowLeft, FlaskConical, KeyRound, MoreHorizontal, Pencil, Power, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { useQuery } from 'urql'
import { useAction } from '../../app/use-action.ts'
import { Button } from '../../ui/button.tsx'
import { Card } from '../../ui/card.tsx'
import { Confirm } from '../../ui/confirm.tsx'
import { Code } from '../../ui/copy.tsx'
import { Dialog, DialogActions } from '../../ui/dialog.tsx'
import { Menu } from '../../ui/menu.tsx'
import { Secret } from '../../ui/secret.tsx'
import { Failure, Loading } from '../../ui/states.tsx'
import { useInstance } from '../instances/instance-layout.tsx'
import { DeliveryLog } from './delivery-log.tsx'
import { EditWebhook } from './edit-webhook.tsx'
import { dotted } from './event-names.ts'
import {
  DeleteWebhookDocument,
  RotateSecretDocument,
  TestWebhookDocument,
  UpdateWebhookDocument,
  WebhookDocument,
} from './webhook-queries.ts'
import { Activity } from './webhooks-page.tsx'

export function WebhookPage() {
  const { t } = useLingui()
  const navigate = useNavigate()
  const { id: instanceId } = useInstance()
  const { webhookId } = useParams({ from: '/gate/i/$instanceId/webhooks/$webhookId' })
  const [{ data, error }, retry] = useQuery({ query: WebhookDocument, variables: { instanceId, webhookId } })
  const [testing, test] = useAction(TestWebhookDocument)
  const [, update] = useAction(UpdateWebhookDocument)
  const [, rotate] = useAction(RotateSecretDocument)
  const [, remove] = useAction(DeleteWebhookDocument)
  const [asking, setAsking] = useState<'delete' | 'rotate' | 'edit' | null>(null)
  const [secret, setSecret] = useState<string | null>(null)
  if (!data)
    return (
      <div className="mx-auto max-w-6xl p-8">{error ? <Failure error={error} onRetry={retry} /> : <Loading />}</div>
    )
  const { webhook } = data
  const ids = { instanceId, webhookId }

  async function sendTest() {
    const delivery = (await test(ids, t`A test event was sent`))?.testWebhook
    if (delivery) void navigate({ to: '.', search: { delivery: delivery.id } })
  }

  return (
    <div className="mx-auto flex max-w-6xl flex-col gap-6 px-4 py-6 sm:px-8">
      <Link
        to="/i/$instanceId/webhooks"
        params={{ instanceId }}
        className="inline-flex items-center gap-1.5 self-start text-soft hover:text-ink"
      >
        <ArrowLeft className="size-4" aria-hidden />
        <Trans>All webhooks</Trans>
      </Link>
      <Card>
        <div className="flex flex-wrap items-start gap-4">
          <div className="mr-auto min-w-0 flex-1 basis-64">
            <div className="flex flex-wrap items-center gap-3">
              <h2 className="min-w-0 break-all font-semibold text-[15px]">{webhook.url}</h2>
              <Activity webhook={webhook} />
            </div>
            <p className="mt-1 text-[13px] text-soft">{webhook.events.map(dotted).join(', ')}</p>
            <div className="mt-2">
              <Code text={webhook.id} />
            </div>
          </div>
          <div className="flex gap-2">
            <Button look="primary" icon={FlaskConical} busy={testing} onClick={sendTest}>
              <Trans>Send a test event</Trans>
            </Button>
            <Menu
              trigger={<Button icon={MoreHorizontal} className="!px-2.5" aria-label={t`More`} />}
              items={[
                { label: t`Edit`, icon: Pencil, onSelect: () => setAsking('edit') },
                {
                  label: webhook.active ? t`Deactivate` : t`Activate`,
                  icon: Power,
                  onSelect: () => void update({ ...ids, input: { active: !webhook.active } }, t`Saved`),
                },
                { label: t`Rotate the secret`, icon: KeyRound, onSelect: () => setAsking('rotate') },
                { label: t`Delete`, icon: Trash2, danger: true, onSelect: () => setAsking('delete') },
              ]}
            />
          </div>
        </div>
      </Card>
      <DeliveryLog />
      <EditWebhook open={asking === 'edit'} onClose={() => setAsking(null)} webhook={webhook} />
      <Confirm
        open={asking === 'rotate'}
        onClose={() => setAsking(null)}
        title={t`Rotate the secret?`}
        lead={t`The present one signs beside the new one for 24 hours.`}
        action={t`Rotate`}
        onConfirm={async () => {
          const made = (await rotate(ids))?.rotateWebhookSecret
          if (made) setSecret(made.secret)
          return made != null
        }}
      />
      <Confirm
        open={asking === 'delete'}
        onClose={() => setAsking(null)}
        title={t`Delete this webhook?`}
        lead={t`Nothing is sent to it any more, and its log goes, too.`}
        action={t`Delete`}
        onConfirm={async () => {
          const isDone = (await remove(ids, t`Deleted`)) !== null
          if (isDone) void navigate({ to: '/i/$instanceId/webhooks', params: { instanceId } })
          return isDone
        }}
      />
      <Dialog
        open={secret !== null}
        onClose={() => setSecret(null)}
        title={t`The new secret`}
        lead={t`It is shown this once.`}
      >
        <Secret name="WATAKI_WEBHOOK_SECRET" value={secret ?? ''} />
        <DialogActions>
          <Button look="primary" onClick={() => setSecret(null)}>{t`I have copied it`}</Button>
        </DialogActions>
      </Dialog>
    </div>
  )
}
