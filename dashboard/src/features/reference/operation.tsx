import { Trans, useLingui } from '@lingui/react/macro'
import type { ReactNode } from 'react'
import { CodeBlock } from '../../ui/copy.tsx'
import type { Entry, OpenApi } from './openapi.ts'
import { Properties, SchemaTable } from './schema-table.tsx'

const TONES: Record<string, string> = {
  GET: 'bg-info-soft text-info',
  POST: 'bg-brand-soft text-brand-ink',
  PATCH: 'bg-warn-soft text-warn',
  DELETE: 'bg-danger-soft text-danger',
}

export function OperationCard({ document, entry }: { document: OpenApi; entry: Entry }) {
  const { t } = useLingui()
  const { method, path, summary, description, parameters = [], requestBody, responses } = entry
  const named = parameters.filter(each => !each.$ref)
  const [mediaType, body] = Object.entries(requestBody?.content ?? {})[0] ?? []
  const [status, success] = Object.entries(responses).find(([code]) => code.startsWith('2')) ?? []
  const answer = success?.content?.['application/json']?.schema
  return (
    <details>
      <summary className="flex cursor-pointer flex-wrap items-center gap-x-3 gap-y-1 px-5 py-3 hover:bg-sunken">
        <span
          className={`w-16 rounded px-2 py-0.5 text-center font-mono font-semibold text-[11px] ${TONES[method] ?? 'bg-sunken'}`}
        >
          {method}
        </span>
        <code className="min-w-0 break-all font-mono text-[12.5px]">{path}</code>
        <span className="text-[13px] text-soft">{summary}</span>
      </summary>
      <div className="flex flex-col gap-5 px-5 pt-2 pb-6">
        {description && <p className="max-w-prose">{prose(description)}</p>}
        {named.length > 0 && (
          <Part title={t`Parameters`}>
            <Properties
              document={document}
              properties={Object.fromEntries(
                named.map(each => [each.name, { ...each.schema, description: each.description }]),
              )}
              required={named.filter(each => each.required).map(each => each.name)}
            />
          </Part>
        )}
        {body?.schema && (
          <Part title={t`Body`} note={mediaType}>
            <SchemaTable document={document} schema={body.schema} />
          </Part>
        )}
        {answer && (
          <Part title={t`Answer`} note={status}>
            <SchemaTable document={document} schema={answer} />
          </Part>
        )}
        {!answer && status && (
          <p className="text-soft">
            <Trans>Answers {status}.</Trans>
          </p>
        )}
        <CodeBlock label={t`Example`} text={curlOf(entry, mediaType)} />
      </div>
    </details>
  )
}

function Part({ title, note, children }: { title: string; note?: string; children: ReactNode }) {
  return (
    <section>
      <h3 className="mb-2 font-semibold">
        {title} {note && <span className="font-mono font-normal text-[12px] text-soft">{note}</span>}
      </h3>
      {children}
    </section>
  )
}

/** The names in backticks as code. */
export const prose = (text: string) =>
  text.split('`').map((part, index) =>
    index % 2 === 0 ? (
      part
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a fixed text
      <code key={index} className="rounded bg-sunken px-1 font-mono text-[12.5px]">
        {part}
      </code>
    ),
  )

function curlOf({ method, path, requestBody }: Entry, mediaType: string | undefined): string {
  const lines = [
    `curl${method === 'GET' ? '' : ` -X ${method}`} ${location.origin}${path}`,
    '-H "X-API-Key: $WATAKI_API_KEY"',
  ]
  if (mediaType === 'multipart/form-data') lines.push('-F file=@photo.jpg')
  else if (requestBody) lines.push("-H 'Content-Type: application/json'", "-d '{…}'")
  return lines.join(' \\\n  ')
}
