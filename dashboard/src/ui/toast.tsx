import { useLingui } from '@lingui/react/macro'
import { CheckCircle2, CircleAlert, X } from 'lucide-react'
import { Toast as Radix } from 'radix-ui'
import { createContext, type ReactNode, useCallback, useContext, useState } from 'react'

interface Said {
  id: number
  text: string
  tone: 'ok' | 'danger'
}

const Saying = createContext<(text: string, tone?: Said['tone']) => void>(() => {})

/** Says in a corner what came of it. */
export const useToast = () => useContext(Saying)

export function ToastProvider({ children }: { children: ReactNode }) {
  const { t } = useLingui()
  const [said, setSaid] = useState<Said[]>([])
  const say = useCallback((text: string, tone: Said['tone'] = 'ok') => {
    setSaid(before => [...before.slice(-2), { id: (before.at(-1)?.id ?? 0) + 1, text, tone }])
  }, [])
  return (
    <Saying value={say}>
      <Radix.Provider swipeDirection="right" duration={5000} label={t`Notification`}>
        {children}
        {said.map(({ id, text, tone }) => {
          const Icon = tone === 'ok' ? CheckCircle2 : CircleAlert
          return (
            <Radix.Root
              key={id}
              onOpenChange={isOpen => !isOpen && setSaid(before => before.filter(each => each.id !== id))}
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
    </Saying>
  )
}
