import { clsx } from 'clsx'
import type { LucideIcon } from 'lucide-react'
import { DropdownMenu } from 'radix-ui'
import type { ReactNode } from 'react'

interface Item {
  label: string
  icon?: LucideIcon
  danger?: boolean
  onSelect: () => void
}

/** `trigger` is one button. */
export function Menu({ trigger, items }: { trigger: ReactNode; items: Item[] }) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align="end"
          sideOffset={6}
          className="z-50 min-w-44 rounded-xl border bg-panel p-1 shadow-high"
        >
          {items.map(({ label, icon: Icon, danger, onSelect }) => (
            <DropdownMenu.Item
              key={label}
              onSelect={onSelect}
              className={clsx(
                'flex items-center gap-2.5 rounded-lg px-2.5 py-1.5 outline-none data-[highlighted]:bg-sunken',
                danger ? 'text-danger' : 'text-ink',
              )}
            >
              {Icon && <Icon className="size-4" aria-hidden />}
              {label}
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  )
}
