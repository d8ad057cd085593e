import { Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'
import { Download } from 'lucide-react'
import { useEffect, useMemo, useState } from 'react'
import { Preferences } from '../../app/preferences-menu.tsx'
import { Brand } from '../../app/shell.tsx'
import { buttonClass } from '../../ui/button.tsx'
import { CodeBlock } from '../../ui/copy.tsx'
import { inputClass } from '../../ui/field.tsx'
import { useTitle } from '../../ui/page.tsx'
import { Loading } from '../../ui/states.tsx'
import { entriesOf, type OpenApi } from './openapi.ts'
import { OperationCard } from './operation.tsx'
import { WebhookList } from './webhook-list.tsx'

const URL = '/v1/openapi.json'

/** What `/v1` does, from its own description; open to all, as that is. */
export function ReferencePage() {
  const { t } = useLingui()
  useTitle(t`API reference`)
  const [document, setDocument] = useState<OpenApi | null>(null)
  const [failed, setFailed] = useState(false)
  const [text, setText] = useState('')
  useEffect(() => {
    fetch(URL)
      .then(answer => (answer.ok ? answer.json() : Promise.reject(new Error(answer.statusText))))
      .then(setDocument, () => setFailed(true))
  }, [])
  const wanted = text.trim().toLowerCase()
  const chapters = useMemo(() => {
    if (!document) return []
    return document.tags.map(({ name }) => ({
      name,
      entries: entriesOf(document, name).filter(each =>
        `${each.method} ${each.path} ${each.summary} ${each.operationId}`.toLowerCase().includes(wanted),
      ),
    }))
  }, [document, wanted])
  return (
    <div className="flex min-h-full flex-col">
      <header className="sticky top-0 z-10 flex items-center gap-4 border-b bg-panel px-4 py-2.5 sm:px-6">
        <Link to="/" className="mr-auto rounded-lg">
          <Brand />
        </Link>
        <Preferences />
        <Link to="/" className={buttonClass('secondary', 'sm')}>
          <Trans>Dashboard</Trans>
        </Link>
      </header>
      <div className="mx-auto flex w-full max-w-6xl gap-10 px-4 py-8 sm:px-6">
        <nav aria-label={t`Chapters`} className="sticky top-20 hidden w-52 shrink-0 self-start lg:block">
          <ul className="flex flex-col gap-0.5">
            {chapters
              .filter(({ entries }) => entries.length > 0)
              .map(({ name }) => (
                <li key={name}>
                  <a
                    href={`#${anchor(name)}`}
                    className="block rounded-lg px-2.5 py-1.5 text-soft hover:bg-sunken hover:text-ink"
                  >
                    {name}
                  </a>
                </li>
              ))}
          </ul>
        </nav>
        <main className="flex min-w-0 flex-1 flex-col gap-8">
          <div>
            <h1 className="font-semibold text-2xl tracking-tight">{t`API reference`}</h1>
            <p className="mt-1 mb-4 max-w-prose text-soft">
              <Trans>Send your key in the header X-API-Key. All times are in UTC; each error has the same shape.</Trans>
            </p>
            <CodeBlock
              label={t`Example`}
              text={`curl ${location.origin}/v1/instances -H "X-API-Key: $WATAKI_API_KEY"`}
            />
            <div className="mt-4 flex flex-wrap gap-2">
              <input
                type="search"
                aria-label={t`Find an operation`}
                placeholder={t`Find an operation`}
                className={`${inputClass} max-w-xs`}
                value={text}
                onChange={event => setText(event.target.value)}
              />
              <a href={URL} download="wataki-openapi.json" className={buttonClass()}>
                <Download className="size-4" aria-hidden />
                OpenAPI 3.1
              </a>
            </div>
          </div>
          {failed && (
            <p
              role="alert"
              className="text-danger"
            >{t`The server cannot be reached. Check that it is running, then try again.`}</p>
          )}
          {!document && !failed && <Loading rows={6} />}
          {document &&
            chapters
              .filter(({ entries }) => entries.length > 0)
              .map(({ name, entries }) => (
                <section key={name} id={anchor(name)} aria-label={name} className="scroll-mt-20">
                  <h2 className="mb-3 font-semibold text-lg">{name}</h2>
                  <div className="divide-y rounded-xl border bg-panel shadow-card">
                    {entries.map(entry => (
                      <OperationCard key={entry.method + entry.path} document={document} entry={entry} />
                    ))}
                  </div>
                </section>
              ))}
          {document && wanted === '' && <WebhookList document={document} />}
        </main>
      </div>
    </div>
  )
}

const anchor = (name: string): string => name.toLowerCase().replaceAll(/\W+/g, '-')
