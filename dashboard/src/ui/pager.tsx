import { useLingui } from '@lingui/react/macro'
import { Button } from './button.tsx'

/** A cursor of each page so far; null: the first one. */
export type Cursors = (string | null)[]

interface PagerProps {
  cursors: Cursors
  /** Where the next page begins, when there is one. */
  next: string | null | undefined
  onTurn: (cursors: Cursors) => void
}

/** Nothing where all is on one page. */
export function Pager({ cursors, next, onTurn }: PagerProps) {
  const { t } = useLingui()
  if (!next && cursors.length === 1) return null
  return (
    <div className="flex justify-end gap-2 border-t p-3">
      <Button size="sm" disabled={cursors.length === 1} onClick={() => onTurn(cursors.slice(0, -1))}>{t`Newer`}</Button>
      <Button size="sm" disabled={!next} onClick={() => onTurn([...cursors, next ?? null])}>{t`Older`}</Button>
    </div>
  )
}
