import { createGraphiQLFetcher } from '@graphiql/toolkit'
import { useLingui } from '@lingui/react/macro'
import { GraphiQL } from 'graphiql'
import { useEffect, useMemo, useRef } from 'react'
import 'graphiql/style.css'
import './playground.css'
import { theme } from '../../app/preferences.ts'
import { socket } from '../../graphql/socket.ts'
import { useTitle } from '../../ui/page.tsx'
import { EXAMPLES } from './examples.ts'

type Editor = Element & { CodeMirror?: { refresh(): void } }

/** Its editors draw their first lines before they have the second gutter, and number them askew until they are told. */
function redrawOnceGuttered(root: Element): () => void {
  const observer = new MutationObserver(() => {
    if (!root.querySelector('.CodeMirror-foldgutter')) return
    observer.disconnect()
    for (const editor of root.querySelectorAll<Editor>('.CodeMirror')) editor.CodeMirror?.refresh()
  })
  observer.observe(root, { childList: true, subtree: true })
  return () => observer.disconnect()
}

/** GraphiQL, with the session and the socket of this page. */
export function PlaygroundPage() {
  const { t } = useLingui()
  useTitle(t`Playground`)
  const chosen = theme.use()
  const fetcher = useMemo(() => createGraphiQLFetcher({ url: '/graphql', wsClient: socket }), [])
  const root = useRef<HTMLDivElement>(null)
  useEffect(() => redrawOnceGuttered(root.current!), [])
  return (
    <div ref={root} className="h-full">
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
