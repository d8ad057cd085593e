import { clsx } from 'clsx'
import type { LucideIcon } from 'lucide-react'
import { DropdownMenu } from 'radix-ui'
import type { ReactNode } from 'react'

interface Item {
  label: string
  icon?: LucideIcon
  danger?: boolean
  checked?: boolean
  onSelect: () => void
}

/** `trigger` is one button. */
export function Menu({
  trigger,
  items,
  side = 'bottom',
  align = 'end',
}: {
  trigger: ReactNode
  items: Item[]
  side?: 'top' | 'bottom'
  align?: 'start' | 'end'
}) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          side={side}
          align={align}
          sideOffset={6}
          className="z-50 min-w-44 rounded-xl border bg-panel p-1 shadow-high"
        >
          {items.map(({ label, icon: Icon, danger, checked, onSelect }) => (
            <DropdownMenu.Item
              key={label}
              onSelect={onSelect}
              aria-current={checked || undefined}
              className={clsx(
                'flex items-center gap-2.5 rounded-lg px-2.5 py-1.5 outline-none data-[highlighted]:bg-sunken',
                danger ? 'text-danger' : 'text-ink',
                checked && 'font-semibold',
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
