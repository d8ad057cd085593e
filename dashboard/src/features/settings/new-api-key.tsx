import { Trans, useLingui } from '@lingui/react/macro'
import { useState } from 'react'
import { useAction } from '../../app/use-action.ts'
import { graphql } from '../../graphql/graphql.ts'
import { Button } from '../../ui/button.tsx'
import { Dialog, DialogActions } from '../../ui/dialog.tsx'
import { Field } from '../../ui/field.tsx'
import { Secret } from '../../ui/secret.tsx'

const CreateApiKeyDocument = graphql(`
  mutation CreateApiKey($input: CreateApiKeyInput!) {
    createApiKey(input: $input) {
      id
      apiKey
    }
  }
`)

export function NewApiKey({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { t } = useLingui()
  const [busy, create] = useAction(CreateApiKeyDocument)
  const [name, setName] = useState('')
  const [made, setMade] = useState<string | null>(null)
  const close = () => {
    setName('')
    setMade(null)
    onClose()
  }
  return (
    <Dialog open={open} onClose={close} title={made ? t`Your new key` : t`Create API key`}>
      {made ? (
        <>
          <p className="mb-4 text-soft">
            <Trans>Copy it now: it is shown this once, and only its hash is kept.</Trans>
          </p>
          <Secret name="WATAKI_API_KEY" value={made} />
          <DialogActions>
            <Button look="primary" onClick={close}>
              <Trans>I have copied it</Trans>
            </Button>
          </DialogActions>
        </>
      ) : (
        <form
          onSubmit={async event => {
            event.preventDefault()
            setMade((await create({ input: { name } }))?.createApiKey?.apiKey ?? null)
          }}
        >
          <Field
            label={t`Name`}
            hint={t`What will use it, such as “production”.`}
            value={name}
            onChange={event => setName(event.target.value)}
            maxLength={100}
            required
          />
          <DialogActions>
            <Button onClick={close}>{t`Cancel`}</Button>
            <Button type="submit" look="primary" busy={busy}>{t`Create`}</Button>
          </DialogActions>
        </form>
      )}
    </Dialog>
  )
}
