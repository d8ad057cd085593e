import { Trans } from '@lingui/react/macro'
import { Search } from 'lucide-react'
import { lazy, Suspense, useEffect, useState } from 'react'

const FinderDialog = lazy(() => import('./finder-dialog.tsx').then(({ FinderDialog }) => ({ default: FinderDialog })))

/** Ctrl-K: pages and instances by name, number or id. */
export function Finder() {
  const [isOpen, setOpen] = useState(false)
  useEffect(() => {
    const onKey = (event: globalThis.KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return
      event.preventDefault()
      setOpen(true)
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
  return (
    <>
      <button
        type="button"
        onClick={() => setOpen(true)}
        className="flex h-9 items-center gap-2.5 rounded-lg border bg-sunken px-2.5 text-soft hover:text-ink"
      >
        <Search className="size-4" aria-hidden />
        <span className="mr-auto">
          <Trans>Search</Trans>
        </span>
        <kbd className="rounded border bg-panel px-1.5 font-sans text-[11px]">Ctrl K</kbd>
      </button>
      {isOpen && (
        <Suspense>
          <FinderDialog onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  )
}
