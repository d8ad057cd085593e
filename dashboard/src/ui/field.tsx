import { clsx } from 'clsx'
import { type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, useId } from 'react'

export const inputClass =
  'h-9 w-full min-w-0 rounded-lg border border-line-strong/60 bg-panel px-3 text-ink placeholder:text-soft disabled:opacity-60 aria-invalid:border-danger'

interface FieldProps {
  label: ReactNode
  hint?: ReactNode
  error?: string | null
}

interface Props extends FieldProps, InputHTMLAttributes<HTMLInputElement> {}

export function Field({ label, hint, error, className, ...input }: Props) {
  const id = useId()
  const noteId = `${id}-note`
  return (
    <div className={clsx('flex flex-col gap-1.5', className)}>
      <label htmlFor={id} className="font-medium text-[13px]">
        {label}
      </label>
      <input
        id={id}
        {...input}
        aria-invalid={error ? true : undefined}
        aria-describedby={error || hint ? noteId : undefined}
        className={inputClass}
      />
      <Note id={noteId} hint={hint} error={error} />
    </div>
  )
}

function Note({ id, hint, error }: { id: string; hint?: ReactNode; error?: string | null }) {
  if (error) {
    return (
      <p id={id} role="alert" className="text-[13px] text-danger">
        {error}
      </p>
    )
  }
  return hint ? (
    <p id={id} className="text-[13px] text-soft">
      {hint}
    </p>
  ) : null
}

interface SelectProps extends SelectHTMLAttributes<HTMLSelectElement> {
  label: string
  /** The label is for screen readers alone. */
  bare?: boolean
}

/** The browser's own: it works with every keyboard, screen reader and phone. */
export function Select({ label, bare, className, children, ...select }: SelectProps) {
  const id = useId()
  return (
    <div className={clsx('flex flex-col gap-1.5', className)}>
      <label htmlFor={id} className={bare ? 'sr-only' : 'font-medium text-[13px]'}>
        {label}
      </label>
      <select id={id} {...select} className={clsx(inputClass, 'pr-8')}>
        {children}
      </select>
    </div>
  )
}

export function Check({ label, hint, ...input }: FieldProps & InputHTMLAttributes<HTMLInputElement>) {
  return (
    <label className="flex items-start gap-2.5 py-0.5">
      <input type="checkbox" {...input} className="mt-0.5 size-4 shrink-0 accent-brand" />
      <span className="min-w-0">
        <span className="block">{label}</span>
        {hint && <span className="block text-[13px] text-soft">{hint}</span>}
      </span>
    </label>
  )
}
