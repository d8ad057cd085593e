import { Trans, useLingui } from '@lingui/react/macro'
import { type ReactNode, useState } from 'react'
import { Button } from './button.tsx'
import { Dialog, DialogActions } from './dialog.tsx'
import { Field } from './field.tsx'

interface Props {
  open: boolean
  onClose: () => void
  title: string
  lead: ReactNode
  action: string
  /** To be typed first, for what cannot be taken back. */
  typed?: string
  onConfirm: () => Promise<boolean>
}

export function Confirm({ open, onClose, title, lead, action, typed, onConfirm }: Props) {
  const { t } = useLingui()
  const [text, setText] = useState('')
  const [busy, setBusy] = useState(false)
  const isReady = typed === undefined || text === typed
  const close = () => {
    setText('')
    onClose()
  }
  return (
    <Dialog open={open} onClose={close} title={title} lead={lead}>
      <form
        onSubmit={async event => {
          event.preventDefault()
          if (!isReady) return
          setBusy(true)
          const isDone = await onConfirm()
          setBusy(false)
          if (isDone) close()
        }}
      >
        {typed !== undefined && (
          <Field
            label={<Trans>Type “{typed}” to confirm</Trans>}
            value={text}
            onChange={event => setText(event.target.value)}
            autoComplete="off"
          />
        )}
        <DialogActions>
          <Button onClick={close}>{t`Cancel`}</Button>
          <Button type="submit" look="danger" busy={busy} disabled={!isReady}>
            {action}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}
