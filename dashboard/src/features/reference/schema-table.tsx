import { Trans, useLingui } from '@lingui/react/macro'
import { type OpenApi, resolve, type Schema, typeOf } from './openapi.ts'
import { prose } from './operation.tsx'

const DEPTH_MAX = 4

interface Props {
  document: OpenApi
  schema: Schema
  depth?: number
}

export function SchemaTable({ document, schema, depth = 0 }: Props) {
  const known = resolve(document, schema)
  const options = known.oneOf ?? known.anyOf
  if (options) {
    return (
      <ul className="flex flex-col gap-2">
        {options.map(option => (
          <li key={typeOf(option)}>
            <p className="font-mono text-[12.5px]">{typeOf(option)}</p>
            {depth < DEPTH_MAX && <SchemaTable document={document} schema={option} depth={depth + 1} />}
          </li>
        ))}
      </ul>
    )
  }
  if (known.items && depth < DEPTH_MAX)
    return <SchemaTable document={document} schema={known.items} depth={depth + 1} />
  if (!known.properties) return null
  return <Properties document={document} properties={known.properties} required={known.required} depth={depth} />
}

interface PropertiesProps {
  document: OpenApi
  properties: Record<string, Schema>
  required?: string[]
  depth?: number
}

export function Properties({ document, properties, required = [], depth = 0 }: PropertiesProps) {
  const { t } = useLingui()
  return (
    <ul className="divide-y rounded-lg border">
      {Object.entries(properties).map(([name, schema]) => (
        <li key={name} className="px-4 py-2.5">
          <p className="flex flex-wrap items-baseline gap-x-3">
            <code className="font-mono font-semibold text-[12.5px]">{name}</code>
            <span className="break-all font-mono text-[12px] text-soft">{typeOf(schema)}</span>
            {required.includes(name) && <span className="text-[12px] text-warn">{t`required`}</span>}
            {schema.default !== undefined && (
              <span className="text-[12px] text-soft">
                <Trans>default {JSON.stringify(schema.default)}</Trans>
              </span>
            )}
          </p>
          {schema.description && <p className="mt-0.5 max-w-prose">{prose(schema.description)}</p>}
          <Inside document={document} schema={schema} depth={depth} />
        </li>
      ))}
    </ul>
  )
}

function Inside({ document, schema, depth }: Required<Props>) {
  const known = resolve(document, schema)
  const inner = known.items ? resolve(document, known.items) : known
  if (depth >= DEPTH_MAX || !(inner.properties ?? inner.oneOf ?? inner.anyOf)) return null
  return (
    <details className="mt-2">
      <summary className="cursor-pointer text-[13px] text-brand-ink">
        <Trans>What is in it</Trans>
      </summary>
      <div className="mt-2">
        <SchemaTable document={document} schema={inner} depth={depth + 1} />
      </div>
    </details>
  )
}
