import { clsx } from 'clsx'
import { LoaderCircle, type LucideIcon } from 'lucide-react'
import type { ButtonHTMLAttributes, Ref } from 'react'

export type Look = 'primary' | 'secondary' | 'quiet' | 'danger'

const LOOKS: Record<Look, string> = {
  primary: 'bg-brand text-on-brand hover:bg-brand-hover shadow-card',
  secondary: 'bg-panel text-ink border hover:bg-sunken shadow-card',
  quiet: 'text-soft hover:text-ink hover:bg-sunken',
  danger: 'bg-panel text-danger border hover:bg-danger-soft shadow-card',
}

export const buttonClass = (look: Look = 'secondary', size: 'md' | 'sm' = 'md'): string =>
  clsx(
    'inline-flex shrink-0 items-center justify-center gap-2 rounded-lg font-medium whitespace-nowrap transition-colors',
    'disabled:cursor-not-allowed disabled:opacity-60',
    size === 'md' ? 'h-9 px-3.5' : 'h-7 px-2.5 text-[13px]',
    LOOKS[look],
  )

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: Look
  size?: 'md' | 'sm'
  icon?: LucideIcon
  busy?: boolean
  ref?: Ref<HTMLButtonElement>
}

export function Button({
  look,
  size,
  icon: Icon,
  busy,
  className,
  children,
  disabled,
  type = 'button',
  ...rest
}: Props) {
  return (
    <button
      {...rest}
      type={type}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      className={clsx(buttonClass(look, size), className)}
    >
      {busy ? (
        <LoaderCircle className="size-4 animate-spin" aria-hidden />
      ) : (
        Icon && <Icon className="size-4" aria-hidden />
      )}
      {children}
    </button>
  )
}
