import { useLingui } from '@lingui/react/macro'
import { clsx } from 'clsx'
import { X } from 'lucide-react'
import { Dialog as Radix } from 'radix-ui'
import type { ReactNode } from 'react'

export interface DialogProps {
  open: boolean
  onClose: () => void
  title: string
  lead?: ReactNode
  wide?: boolean
  children: ReactNode
}

export function DialogWindow({ open, onClose, title, lead, wide, children }: DialogProps) {
  const { t } = useLingui()
  return (
    <Radix.Root open={open} onOpenChange={isOpen => !isOpen && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-black/40 backdrop-blur-[1px]" />
        <Radix.Content
          aria-describedby={undefined}
          onOpenAutoFocus={focusFirstField}
          className={clsx(
            'fixed top-1/2 left-1/2 z-50 flex max-h-[calc(100dvh-2rem)] w-[calc(100vw-2rem)] -translate-x-1/2 -translate-y-1/2',
            'flex-col rounded-2xl border bg-panel shadow-high',
            wide ? 'max-w-3xl' : 'max-w-md',
          )}
        >
          <div className="flex items-start gap-4 px-6 pt-5 pb-4">
            <div className="mr-auto min-w-0">
              <Radix.Title className="font-semibold text-lg">{title}</Radix.Title>
              {lead && <p className="mt-1 text-soft">{lead}</p>}
            </div>
            <Radix.Close
              className="-mt-1 -mr-2 rounded-lg p-2 text-soft hover:bg-sunken hover:text-ink"
              aria-label={t`Close`}
            >
              <X className="size-4" aria-hidden />
            </Radix.Close>
          </div>
          <div className="min-h-0 overflow-y-auto px-6 pb-6">{children}</div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}

/** The field to fill in comes before the cross that closes. */
function focusFirstField(event: Event): void {
  const field = (event.currentTarget as HTMLElement).querySelector<HTMLElement>('input, select, textarea')
  if (!field) return
  event.preventDefault()
  field.focus()
}
