import { useLingui } from '@lingui/react/macro'
import { useLiveness } from '../graphql/socket.ts'

/** Whether this page hears what happens. */
export function Connection() {
  const { t } = useLingui()
  const liveness = useLiveness()
  const [text, dot] = {
    live: [t`Live`, 'bg-brand'] as const,
    reconnecting: [t`Reconnecting…`, 'bg-warn animate-pulse'] as const,
    idle: [t`Online`, 'bg-line-strong'] as const,
  }[liveness]
  return (
    <span role="status" className="inline-flex items-center gap-2 text-[13px] text-soft">
      <span className={`size-2 rounded-full ${dot}`} aria-hidden />
      {text}
    </span>
  )
}
