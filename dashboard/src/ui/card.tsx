import { clsx } from 'clsx'
import type { ReactNode } from 'react'

interface Props {
  title?: ReactNode
  hint?: ReactNode
  actions?: ReactNode
  className?: string
  /** Its content touches the edges, as tables do. */
  flush?: boolean
  children: ReactNode
}

export function Card({ title, hint, actions, className, flush, children }: Props) {
  return (
    <section className={clsx('min-w-0 rounded-xl border bg-panel shadow-card', className)}>
      {(title || actions) && (
        <header className="flex flex-wrap items-center gap-x-4 gap-y-2 border-b px-5 py-3.5">
          <div className="mr-auto min-w-0 flex-1 basis-40">
            <h2 className="font-semibold text-[15px]">{title}</h2>
            {hint && <p className="text-[13px] text-soft">{hint}</p>}
          </div>
          {actions}
        </header>
      )}
      <div className={clsx(!flush && 'p-5')}>{children}</div>
    </section>
  )
}
