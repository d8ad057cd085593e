import { Trans, useLingui } from '@lingui/react/macro'
import { useNavigate } from '@tanstack/react-router'
import { type KeyboardEvent, useId, useState } from 'react'
import { useQuery } from 'urql'
import { graphql } from '../graphql/graphql.ts'
import { DialogWindow } from '../ui/dialog-window.tsx'
import { inputClass } from '../ui/field.tsx'

const FinderDocument = graphql(`
  query Finder {
    instances(limit: 200) {
      data {
        id
        name
        phoneNumber
      }
    }
  }
`)

const FOUND_MAX = 8

interface Found {
  label: string
  hint: string
  to: string
}

export function FinderDialog({ onClose }: { onClose: () => void }) {
  const { t } = useLingui()
  return (
    <DialogWindow open onClose={onClose} title={t`Search`}>
      <Choices onDone={onClose} />
    </DialogWindow>
  )
}

function Choices({ onDone }: { onDone: () => void }) {
  const { t } = useLingui()
  const listId = useId()
  const navigate = useNavigate()
  const [{ data }] = useQuery({ query: FinderDocument })
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const pages: Found[] = [
    { label: t`Home`, hint: t`Page`, to: '/' },
    { label: t`Instances`, hint: t`Page`, to: '/instances' },
    { label: t`Events`, hint: t`Page`, to: '/events' },
    { label: t`Usage & health`, hint: t`Page`, to: '/usage' },
    { label: t`Billing`, hint: t`Page`, to: '/billing' },
    { label: t`API keys`, hint: t`Page`, to: '/settings' },
    { label: t`Playground`, hint: t`Page`, to: '/playground' },
    { label: t`API reference`, hint: t`Page`, to: '/docs' },
  ]
  const instances = (data?.instances.data ?? []).map(({ id, name, phoneNumber }) => ({
    label: name,
    hint: phoneNumber ?? id,
    to: `/i/${id}`,
  }))
  const wanted = text.trim().toLowerCase()
  const found = [...instances, ...pages]
    .filter(({ label, hint, to }) => `${label} ${hint} ${to}`.toLowerCase().includes(wanted))
    .slice(0, FOUND_MAX)
  const go = (choice?: Found) => {
    if (!choice) return
    onDone()
    void navigate({ to: choice.to })
  }
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (event.key === 'Enter') go(found[at])
    if (!step || found.length === 0) return
    event.preventDefault()
    setAt((at + step + found.length) % found.length)
  }
  return (
    <>
      <input
        role="combobox"
        aria-expanded
        aria-controls={listId}
        aria-activedescendant={found[at] ? `${listId}-${at}` : undefined}
        aria-label={t`Name, number or id`}
        placeholder={t`Name, number or id`}
        className={inputClass}
        value={text}
        onKeyDown={onKey}
        onChange={event => {
          setText(event.target.value)
          setAt(0)
        }}
      />
      <div id={listId} role="listbox" aria-label={t`Found`} className="mt-3 flex flex-col gap-0.5">
        {found.map((choice, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the text field above
          <div
            key={choice.to}
            id={`${listId}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            onClick={() => go(choice)}
            onMouseEnter={() => setAt(index)}
            className="flex cursor-pointer items-center gap-3 rounded-lg px-2.5 py-2 aria-selected:bg-sunken"
          >
            <span className="mr-auto truncate font-medium">{choice.label}</span>
            <span className="truncate text-[13px] text-soft">{choice.hint}</span>
          </div>
        ))}
      </div>
      {found.length === 0 && (
        <p className="px-2.5 py-2 text-soft">
          <Trans>Nothing of that name.</Trans>
        </p>
      )}
    </>
  )
}
