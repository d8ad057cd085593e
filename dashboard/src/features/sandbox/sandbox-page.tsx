import { Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { phone } from '../../app/format.ts'
import { useAction } from '../../app/use-action.ts'
import { Button, buttonClass } from '../../ui/button.tsx'
import { Card } from '../../ui/card.tsx'
import { Field } from '../../ui/field.tsx'
import { useInstance } from '../instances/instance-layout.tsx'
import { usePeople } from './people.ts'
import { FaultDocument, GroupDocument } from './sandbox-queries.ts'
import { VirtualPhone } from './virtual-phone.tsx'

export function SandboxPage() {
  return (
    <div className="mx-auto grid max-w-6xl gap-6 px-4 py-6 sm:px-8 lg:grid-cols-[minmax(0,1fr)_auto]">
      <div className="flex min-w-0 flex-col gap-6">
        <People />
        <Faults />
        <Group />
      </div>
      <VirtualPhone />
    </div>
  )
}

function People() {
  const { t } = useLingui()
  const { id } = useInstance()
  const people = usePeople()
  return (
    <Card
      title={t`Contacts with a habit`}
      hint={t`Write to one of them and see what happens. Any other number delivers and reads.`}
      flush
    >
      <ul className="divide-y">
        {people.map(({ digits, name, habit }) => (
          <li key={digits} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-5 py-2.5">
            <span className="w-16 font-medium">{name}</span>
            <span className="w-44 text-soft tabular-nums">{phone(digits)}</span>
            <span className="min-w-0 flex-1 basis-48">{habit}</span>
            <Link
              to="/i/$instanceId/chats/$chatId"
              params={{ instanceId: id, chatId: `${digits}@s.whatsapp.net` }}
              className={buttonClass('secondary', 'sm')}
              aria-label={t`Write to ${name}`}
            >
              <Trans>Write</Trans>
            </Link>
          </li>
        ))}
      </ul>
    </Card>
  )
}

function Faults() {
  const { t } = useLingui()
  const { id, status } = useInstance()
  const [busy, inject] = useAction(FaultDocument)
  const faults = [
    { kind: 'drop', label: t`Cut the connection`, hint: t`It comes back by itself.` },
    { kind: 'stream_error', code: 515, label: t`Restart by WhatsApp (515)`, hint: t`As after an update of theirs.` },
    { kind: 'stream_error', code: 440, label: t`Taken over elsewhere (440)`, hint: t`Another client has the session.` },
    { kind: 'hold_acks', label: t`Hold back acks`, hint: t`Messages stay pending.` },
    { kind: 'release_acks', label: t`Release acks`, hint: t`What was held back is said.` },
    { kind: 'duplicate_next', label: t`Double the next message`, hint: t`It comes twice, and is stored once.` },
    { kind: 'refuse_next', code: 463, label: t`Refuse the next message`, hint: t`It fails with WhatsApp’s code 463.` },
    { kind: 'logout', label: t`Log out on the phone`, hint: t`The instance needs a new scan.` },
  ] as const
  return (
    <Card title={t`Make something go wrong`} hint={t`What real networks do, at the moment of your choice.`}>
      <div className="grid gap-3 sm:grid-cols-2">
        {faults.map(({ kind, label, hint, ...code }) => (
          <div key={label} className="flex flex-col items-start gap-1">
            <Button
              size="sm"
              disabled={busy || status.state !== 'connected'}
              onClick={() => inject({ instanceId: id, input: { kind, ...code } }, t`Done: ${label}`)}
            >
              {label}
            </Button>
            <span className="text-[13px] text-soft">{hint}</span>
          </div>
        ))}
      </div>
    </Card>
  )
}

function Group() {
  const { t } = useLingui()
  const { id, status } = useInstance()
  const people = usePeople()
  const [busy, make] = useAction(GroupDocument)
  const [subject, setSubject] = useState('')
  return (
    <Card title={t`Make a group`} hint={t`With Ana and Bruno. It then is among the chats.`}>
      <form
        className="flex flex-wrap items-end gap-3"
        onSubmit={async event => {
          event.preventDefault()
          const participants = people.slice(0, 2).map(each => each.digits)
          if (await make({ instanceId: id, input: { subject, participants } }, t`The group is there`)) setSubject('')
        }}
      >
        <Field
          className="min-w-48 flex-1"
          label={t`Subject`}
          value={subject}
          onChange={event => setSubject(event.target.value)}
          maxLength={100}
          required
        />
        <Button type="submit" busy={busy} disabled={status.state !== 'connected'}>{t`Make it`}</Button>
      </form>
    </Card>
  )
}
