import { useLingui } from '@lingui/react/macro'
import type { OpenApi } from './openapi.ts'
import { prose } from './operation.tsx'
import { SchemaTable } from './schema-table.tsx'

/** What webhooks are sent. */
export function WebhookList({ document }: { document: OpenApi }) {
  const { t } = useLingui()
  const webhooks = Object.entries(document.webhooks ?? {})
  if (webhooks.length === 0) return null
  return (
    <section id="webhook-events" aria-label={t`Webhook events`} className="scroll-mt-20">
      <h2 className="mb-3 font-semibold text-lg">{t`Webhook events`}</h2>
      <div className="divide-y rounded-xl border bg-panel shadow-card">
        {webhooks.map(([name, { post }]) => {
          const schema = post?.requestBody.content['application/json']?.schema
          const description = post?.description ?? post?.summary
          return (
            <details key={name}>
              <summary className="cursor-pointer px-5 py-3 font-mono text-[12.5px] hover:bg-sunken">{name}</summary>
              <div className="flex flex-col gap-4 px-5 pt-1 pb-5">
                {description && <p className="max-w-prose">{prose(description)}</p>}
                {schema && <SchemaTable document={document} schema={schema} />}
              </div>
            </details>
          )
        })}
      </div>
    </section>
  )
}
