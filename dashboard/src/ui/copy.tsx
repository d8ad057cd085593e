import { useLingui } from '@lingui/react/macro'
import { Check, Copy as CopyIcon } from 'lucide-react'
import { useState } from 'react'
import { Button } from './button.tsx'

const SHOWN_MS = 1500

/** Pages over plain http have no `navigator.clipboard`: there a selection is copied, as it used to be. */
async function copyText(text: string): Promise<void> {
  if (window.isSecureContext && navigator.clipboard) return navigator.clipboard.writeText(text)
  const area = document.createElement('textarea')
  area.value = text
  area.setAttribute('readonly', '')
  area.style.position = 'fixed'
  area.style.opacity = '0'
  // Within an open dialog, which keeps the focus to itself.
  const place = document.querySelector('[role=dialog]') ?? document.body
  place.append(area)
  area.select()
  document.execCommand('copy')
  area.remove()
}

export function Copy({ text, label, bare }: { text: string; label?: string; bare?: boolean }) {
  const { t } = useLingui()
  const [isCopied, setCopied] = useState(false)
  const name = isCopied ? t`Copied` : (label ?? t`Copy`)
  return (
    <Button
      look={bare ? 'quiet' : 'secondary'}
      size="sm"
      icon={isCopied ? Check : CopyIcon}
      aria-label={bare ? name : undefined}
      className={bare ? '!px-1.5' : undefined}
      onClick={async () => {
        await copyText(text)
        setCopied(true)
        setTimeout(() => setCopied(false), SHOWN_MS)
      }}
    >
      {!bare && <span aria-live="polite">{name}</span>}
    </Button>
  )
}

/** An id or key that is there to be taken along. */
export const Code = ({ text }: { text: string }) => (
  <span className="inline-flex max-w-full items-center gap-1">
    <code className="truncate rounded bg-sunken px-1.5 py-0.5 font-mono text-[12px]">{text}</code>
    <Copy text={text} bare />
  </span>
)

export function CodeBlock({ text, label }: { text: string; label: string }) {
  return (
    <div className="relative min-w-0 rounded-lg border bg-sunken">
      <section
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
        tabIndex={0}
        aria-label={label}
        className="overflow-x-auto"
      >
        <pre className="p-4 pr-24 font-mono text-[12.5px] leading-relaxed">{text}</pre>
      </section>
      <div className="absolute top-2 right-2">
        <Copy text={text} />
      </div>
    </div>
  )
}
