import { Trans, useLingui } from '@lingui/react/macro'
import { useState } from 'react'
import { useAction } from '../../app/use-action.ts'
import { Button } from '../../ui/button.tsx'
import { Copy } from '../../ui/copy.tsx'
import { Field } from '../../ui/field.tsx'
import { ConnectDocument } from '../instances/instance-queries.ts'

/** For who has no second screen: eight letters to type on the phone. */
export function PairingCode({ instanceId }: { instanceId: string }) {
  const { t } = useLingui()
  const [busy, connect] = useAction(ConnectDocument)
  const [phoneNumber, setPhoneNumber] = useState('')
  const [code, setCode] = useState<string | null>(null)
  return (
    <form
      className="flex w-[288px] max-w-full flex-col gap-4"
      onSubmit={async event => {
        event.preventDefault()
        const answer = await connect({ instanceId, input: { phoneNumber } })
        setCode(answer?.connectInstance?.pairingCode ?? null)
      }}
    >
      <Field
        label={t`Number of the phone`}
        hint={t`With the country code. Brazilian mobiles: with the ninth digit.`}
        type="tel"
        inputMode="tel"
        autoComplete="tel"
        placeholder="+55 11 99999-9999"
        value={phoneNumber}
        onChange={event => setPhoneNumber(event.target.value)}
        required
      />
      <Button type="submit" look={code ? 'secondary' : 'primary'} busy={busy}>
        {code ? t`New code` : t`Get a code`}
      </Button>
      <div role="status">
        {code && (
          <div className="flex flex-col items-center gap-3 rounded-xl border bg-sunken p-5">
            <p className="text-[13px] text-soft">
              <Trans>Type this on the phone</Trans>
            </p>
            <p className="font-mono font-semibold text-2xl tracking-[0.15em]">
              {code.slice(0, 4)}-{code.slice(4)}
            </p>
            <Copy text={code} />
          </div>
        )}
      </div>
    </form>
  )
}
