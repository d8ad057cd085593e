import { Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'
import { Compass } from 'lucide-react'
import { buttonClass } from '../ui/button.tsx'
import { useTitle } from '../ui/page.tsx'
import { Empty } from '../ui/states.tsx'

export function NotFound() {
  const { t } = useLingui()
  useTitle(t`Not found`)
  return (
    <main className="grid min-h-full place-items-center">
      <h1 className="sr-only">{t`Not found`}</h1>
      <Empty
        icon={Compass}
        title={t`There is no such page`}
        actions={
          <Link to="/" className={buttonClass('primary')}>
            <Trans>Home</Trans>
          </Link>
        }
      >
        <Trans>The address may be old, or have a typing error.</Trans>
      </Empty>
    </main>
  )
}
