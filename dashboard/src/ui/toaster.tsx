import { useLingui } from '@lingui/react/macro'
import { CheckCircle2, CircleAlert, X } from 'lucide-react'
import { Toast as Radix } from 'radix-ui'
import type { Said } from './toast.tsx'

/** What was said, in its corner. */
export function Toaster({ said, onGone }: { said: Said[]; onGone: (id: number) => void }) {
  const { t } = useLingui()
  return (
    <Radix.Provider swipeDirection="right" duration={5000} label={t`Notification`}>
      {said.map(({ id, text, tone }) => {
        const Icon = tone === 'ok' ? CheckCircle2 : CircleAlert
        return (
          <Radix.Root
            key={id}
            onOpenChange={isOpen => !isOpen && onGone(id)}
            className="flex items-start gap-3 rounded-xl border bg-panel p-4 shadow-high"
          >
            <Icon
              className={tone === 'ok' ? 'size-5 shrink-0 text-brand-ink' : 'size-5 shrink-0 text-danger'}
              aria-hidden
            />
            <Radix.Description className="min-w-0 flex-1 break-words">{text}</Radix.Description>
            <Radix.Close className="rounded p-1 text-soft hover:text-ink" aria-label={t`Close`}>
              <X className="size-4" aria-hidden />
            </Radix.Close>
          </Radix.Root>
        )
      })}
      <Radix.Viewport className="fixed right-4 bottom-4 z-[60] flex w-[calc(100vw-2rem)] max-w-sm flex-col gap-2" />
    </Radix.Provider>
  )
}
