import { Trans, useLingui } from '@lingui/react/macro'
import type { CombinedError } from '@urql/core'
import { CircleAlert, type LucideIcon, RotateCw } from 'lucide-react'
import type { ReactNode } from 'react'
import { useSentence } from '../app/sentences.ts'
import { Button } from './button.tsx'
import { Copy } from './copy.tsx'

/** What a page shows while it has nothing to show. */

export function Empty({
  icon: Icon,
  title,
  children,
  actions,
}: {
  icon: LucideIcon
  title: string
  children?: ReactNode
  actions?: ReactNode
}) {
  return (
    <div className="flex flex-col items-center px-6 py-12 text-center">
      <span className="mb-4 grid size-11 place-items-center rounded-xl border bg-sunken text-soft">
        <Icon className="size-5" aria-hidden />
      </span>
      <p className="font-semibold text-[15px]">{title}</p>
      {children && <div className="mt-1 max-w-md text-soft">{children}</div>}
      {actions && <div className="mt-5 flex flex-wrap justify-center gap-2">{actions}</div>}
    </div>
  )
}

export function Loading({ rows = 3 }: { rows?: number }) {
  const { t } = useLingui()
  return (
    <div role="status" aria-label={t`Loading`} className="flex flex-col gap-3 p-5">
      {Array.from({ length: rows }, (_, row) => (
        <span
          // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike
          key={row}
          className="h-5 animate-pulse rounded bg-sunken"
          style={{ width: `${92 - row * 14}%` }}
        />
      ))}
    </div>
  )
}

/** What went wrong in the reader's words, what to do, and what to tell whoever is asked for help. */
export function Failure({ error, onRetry }: { error: CombinedError; onRetry?: () => void }) {
  const { t } = useLingui()
  const sentence = useSentence()(error)
  return (
    <div role="alert" className="flex flex-wrap items-center gap-x-4 gap-y-3 rounded-lg bg-danger-soft px-4 py-3">
      <CircleAlert className="size-5 shrink-0 text-danger" aria-hidden />
      <p className="min-w-0 flex-1 basis-64 text-danger">{sentence}</p>
      <div className="flex gap-2">
        {onRetry && (
          <Button size="sm" icon={RotateCw} onClick={onRetry}>
            <Trans>Try again</Trans>
          </Button>
        )}
        <Copy text={forSupport(error)} label={t`Copy for support`} />
      </div>
    </div>
  )
}

function forSupport(error: CombinedError): string {
  const requestId = (error.response as Response | undefined)?.headers?.get('x-request-id')
  return JSON.stringify(
    {
      message: error.message,
      codes: error.graphQLErrors.map(each => each.extensions),
      requestId,
      at: new Date().toISOString(),
    },
    null,
    2,
  )
}
