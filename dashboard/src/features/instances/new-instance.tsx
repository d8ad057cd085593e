import { Trans, useLingui } from '@lingui/react/macro'
import { useNavigate } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { useAction } from '../../app/use-action.ts'
import { Button, type Look } from '../../ui/button.tsx'
import { Dialog, DialogActions } from '../../ui/dialog.tsx'
import { Check, Field } from '../../ui/field.tsx'
import { CreateInstanceDocument } from './instance-queries.ts'

export function NewInstance({ look = 'primary' }: { look?: Look }) {
  const { t } = useLingui()
  const [isOpen, setOpen] = useState(false)
  return (
    <>
      <Button look={look} icon={Plus} onClick={() => setOpen(true)}>
        {t`Pair a phone`}
      </Button>
      <Dialog
        open={isOpen}
        onClose={() => setOpen(false)}
        title={t`Pair a phone`}
        lead={<Trans>An instance is one WhatsApp account. You link its phone in the next step.</Trans>}
      >
        <NewInstanceForm onClose={() => setOpen(false)} />
      </Dialog>
    </>
  )
}

function NewInstanceForm({ onClose }: { onClose: () => void }) {
  const { t } = useLingui()
  const navigate = useNavigate()
  const [busy, create] = useAction(CreateInstanceDocument)
  const [name, setName] = useState('')
  const [sandbox, setSandbox] = useState(false)
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={async event => {
        event.preventDefault()
        const made = (await create({ input: { name, sandbox } }))?.createInstance
        if (!made) return
        onClose()
        void navigate({ to: '/i/$instanceId', params: { instanceId: made.id }, search: { connect: true } })
      }}
    >
      <Field
        label={t`Name`}
        hint={t`For you and your team, such as “Support”.`}
        value={name}
        onChange={event => setName(event.target.value)}
        maxLength={100}
        required
      />
      <Check
        label={t`In the sandbox`}
        hint={t`With a virtual phone: nothing leaves this server.`}
        checked={sandbox}
        onChange={event => setSandbox(event.target.checked)}
      />
      <DialogActions>
        <Button onClick={onClose}>{t`Cancel`}</Button>
        <Button type="submit" look="primary" busy={busy}>
          {t`Create`}
        </Button>
      </DialogActions>
    </form>
  )
}
