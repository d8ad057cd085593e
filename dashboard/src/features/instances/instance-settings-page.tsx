import { Trans, useLingui } from '@lingui/react/macro'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useAction } from '../../app/use-action.ts'
import { Button } from '../../ui/button.tsx'
import { Card } from '../../ui/card.tsx'
import { Confirm } from '../../ui/confirm.tsx'
import { Check, Field } from '../../ui/field.tsx'
import { useInstance } from './instance-layout.tsx'
import { DeleteInstanceDocument, UpdateInstanceDocument } from './instance-queries.ts'

export function InstanceSettingsPage() {
  const { id } = useInstance()
  return (
    <div className="mx-auto flex max-w-3xl flex-col gap-6 px-4 py-6 sm:px-8">
      <General key={id} />
      <Danger />
    </div>
  )
}

function General() {
  const { t } = useLingui()
  const instance = useInstance()
  const [busy, update] = useAction(UpdateInstanceDocument)
  const [name, setName] = useState(instance.name)
  const [description, setDescription] = useState(instance.description ?? '')
  const [config, setConfig] = useState(instance.config)
  const { autoReconnect, downloadMedia, emitRaw } = config
  return (
    <Card title={t`General`}>
      <form
        className="flex flex-col gap-4"
        onSubmit={async event => {
          event.preventDefault()
          const input = { name, description: description || null, config: { autoReconnect, downloadMedia, emitRaw } }
          await update({ instanceId: instance.id, input }, t`Saved`)
        }}
      >
        <Field label={t`Name`} value={name} onChange={event => setName(event.target.value)} maxLength={100} required />
        <Field
          label={t`Description`}
          value={description}
          onChange={event => setDescription(event.target.value)}
          maxLength={500}
        />
        <Check
          label={t`Reconnect by itself`}
          hint={t`A lost connection is tried again, also after a restart.`}
          checked={autoReconnect}
          onChange={event => setConfig({ ...config, autoReconnect: event.target.checked })}
        />
        <Check
          label={t`Fetch received files at once`}
          hint={t`Otherwise they are fetched when first asked for.`}
          checked={downloadMedia}
          onChange={event => setConfig({ ...config, downloadMedia: event.target.checked })}
        />
        <Check
          label={t`Add WhatsApp’s own form to events`}
          hint={t`For debugging: events carry the raw message, too.`}
          checked={emitRaw}
          onChange={event => setConfig({ ...config, emitRaw: event.target.checked })}
        />
        <div>
          <Button type="submit" look="primary" busy={busy}>{t`Save`}</Button>
        </div>
      </form>
    </Card>
  )
}

function Danger() {
  const { t } = useLingui()
  const navigate = useNavigate()
  const { id, name } = useInstance()
  const [isOpen, setOpen] = useState(false)
  const [, remove] = useAction(DeleteInstanceDocument)
  return (
    <Card title={t`Delete this instance`}>
      <div className="flex flex-wrap items-center gap-4">
        <p className="mr-auto max-w-prose text-soft">
          <Trans>Unlinks the phone and deletes chats, messages, files and webhooks. There is no way back.</Trans>
        </p>
        <Button look="danger" onClick={() => setOpen(true)}>{t`Delete…`}</Button>
      </div>
      <Confirm
        open={isOpen}
        onClose={() => setOpen(false)}
        title={t`Delete “${name}”?`}
        lead={t`Everything that belongs to it goes, too.`}
        action={t`Delete for good`}
        typed={name}
        onConfirm={async () => {
          const isDone = (await remove({ instanceId: id }, t`Deleted`)) !== null
          if (isDone) void navigate({ to: '/instances' })
          return isDone
        }}
      />
    </Card>
  )
}
