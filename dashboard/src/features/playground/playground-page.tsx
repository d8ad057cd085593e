import { createGraphiQLFetcher } from '@graphiql/toolkit'
import { useLingui } from '@lingui/react/macro'
import { GraphiQL } from 'graphiql'
import { useMemo } from 'react'
import 'graphiql/style.css'
import './playground.css'
import { theme } from '../../app/preferences.ts'
import { socket } from '../../graphql/socket.ts'
import { useTitle } from '../../ui/page.tsx'
import { EXAMPLES } from './examples.ts'

/** GraphiQL, with the session and the socket of this page. */
export function PlaygroundPage() {
  const { t } = useLingui()
  useTitle(t`Playground`)
  const chosen = theme.use()
  const fetcher = useMemo(() => createGraphiQLFetcher({ url: '/graphql', wsClient: socket }), [])
  return (
    <div className="h-full">
      <h1 className="sr-only">{t`Playground`}</h1>
      <GraphiQL
        fetcher={fetcher}
        forcedTheme={chosen === 'system' ? undefined : chosen}
        defaultTabs={EXAMPLES}
        shouldPersistHeaders={false}
      />
    </div>
  )
}
