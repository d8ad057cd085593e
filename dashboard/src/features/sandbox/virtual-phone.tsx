import { Trans, useLingui } from '@lingui/react/macro'
import { QrCode, ScanLine, Send } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { phone } from '../../app/format.ts'
import { useAction } from '../../app/use-action.ts'
import { Button } from '../../ui/button.tsx'
import { inputClass, Select } from '../../ui/field.tsx'
import { useInstance } from '../instances/instance-layout.tsx'
import { type Person, usePeople } from './people.ts'
import { PhoneChat } from './phone-chat.tsx'
import { SayDocument, ScanDocument } from './sandbox-queries.ts'

interface Preset {
  contact?: string
  /** How the chat calls them. */
  name?: string | null
}

/** A phone that is none: it scans the code, and then is that of a contact. */
export function VirtualPhone({ contact, name }: Preset) {
  const { t } = useLingui()
  const { status } = useInstance()
  return (
    <section aria-label={t`Virtual phone`} className="mx-auto w-full max-w-[320px] lg:w-[320px]">
      <div className="flex h-[600px] flex-col overflow-hidden rounded-[2.25rem] border-[10px] border-[#1b1d1c] bg-panel shadow-high dark:border-[#343836]">
        {['connected', 'reconnecting'].includes(status.state) ? <Contact contact={contact} name={name} /> : <Linking />}
      </div>
      <p className="mt-3 text-center text-[13px] text-soft">
        <Trans>Simulated. Nothing leaves this server.</Trans>
      </p>
    </section>
  )
}

const Bar = ({ children }: { children: ReactNode }) => (
  <div className="border-b bg-sunken px-4 pt-4 pb-3">{children}</div>
)

function Linking() {
  const { t } = useLingui()
  const { id, status } = useInstance()
  const [busy, scan] = useAction(ScanDocument)
  const hasCode = status.state === 'qr_required'
  return (
    <>
      <Bar>
        <h2 className="font-semibold">
          <Trans>Linked devices</Trans>
        </h2>
      </Bar>
      <div className="flex flex-1 flex-col items-center justify-center gap-5 p-6 text-center">
        <span className="grid size-24 place-items-center rounded-3xl border-2 border-line-strong border-dashed text-soft">
          {busy ? (
            <ScanLine className="size-10 animate-pulse" aria-hidden />
          ) : (
            <QrCode className="size-10" aria-hidden />
          )}
        </span>
        <p className="text-soft">
          {busy ? (
            <Trans>Phone confirmed, syncing…</Trans>
          ) : hasCode ? (
            <Trans>The camera sees the code on the left.</Trans>
          ) : (
            <Trans>As soon as there is a code, this phone can scan it.</Trans>
          )}
        </p>
        <Button
          look="primary"
          icon={ScanLine}
          busy={busy}
          disabled={!hasCode}
          onClick={() => scan({ instanceId: id }, t`Connected`)}
        >
          <Trans>Scan</Trans>
        </Button>
      </div>
    </>
  )
}

function Contact({ contact: preset, name }: Preset) {
  const { t } = useLingui()
  const people = usePeople()
  const known = preset && people.some(each => each.digits === preset)
  const all: Person[] =
    preset && !known ? [{ digits: preset, name: name ?? phone(preset), habit: '' }, ...people] : people
  const [chosen, setChosen] = useState<string | null>(null)
  const person = all.find(each => each.digits === (chosen ?? preset)) ?? all[0]!
  return (
    <>
      <Bar>
        <Select
          bare
          label={t`Whose phone this is`}
          value={person.digits}
          onChange={event => setChosen(event.target.value)}
        >
          {all.map(each => (
            <option key={each.digits} value={each.digits}>
              {each.name} · {each.digits.slice(-4)}
            </option>
          ))}
        </Select>
        <p className="mt-1.5 truncate text-[12px] text-soft">{person.habit}</p>
      </Bar>
      <PhoneChat key={person.digits} contact={person.digits} />
      <Reply contact={person.digits} />
    </>
  )
}

function Reply({ contact }: { contact: string }) {
  const { t } = useLingui()
  const { id } = useInstance()
  const [busy, say] = useAction(SayDocument)
  const [text, setText] = useState('')
  return (
    <form
      className="flex gap-2 border-t p-3"
      onSubmit={async event => {
        event.preventDefault()
        if (text.trim() === '') return
        const isSent = await say({ instanceId: id, input: { from: contact, type: 'text', content: { text } } })
        if (isSent) setText('')
      }}
    >
      <input
        aria-label={t`Write as the contact`}
        placeholder={t`Write as the contact`}
        className={inputClass}
        value={text}
        onChange={event => setText(event.target.value)}
      />
      <Button
        type="submit"
        look="primary"
        icon={Send}
        busy={busy}
        aria-label={t`Send as the contact`}
        className="!px-2.5"
      />
    </form>
  )
}
