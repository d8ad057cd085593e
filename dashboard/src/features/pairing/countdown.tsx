import { Trans } from '@lingui/react/macro'

const RADIUS = 9
const ROUND = 2 * Math.PI * RADIUS

/** How long the code is good: for the eyes, as a screen reader would speak each second. */
export function Countdown({ leftMs, lifeMs }: { leftMs: number; lifeMs: number }) {
  const seconds = Math.ceil(leftMs / 1000)
  const share = Math.min(1, leftMs / lifeMs)
  return (
    <span className="inline-flex items-center gap-2 text-[13px] text-soft tabular-nums" aria-hidden>
      <svg viewBox="0 0 24 24" className="-rotate-90 size-5" aria-hidden="true">
        <circle cx="12" cy="12" r={RADIUS} fill="none" strokeWidth="3" className="stroke-line" />
        <circle
          cx="12"
          cy="12"
          r={RADIUS}
          fill="none"
          strokeWidth="3"
          strokeLinecap="round"
          strokeDasharray={ROUND}
          strokeDashoffset={ROUND * (1 - share)}
          className="stroke-brand transition-[stroke-dashoffset] duration-300 ease-linear"
        />
      </svg>
      <Trans>A new code in {seconds} s</Trans>
    </span>
  )
}
