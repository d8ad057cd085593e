import type { Json } from './app.ts'

/** Whether a value is what a JSON Schema of our OpenAPI document says: null, or where and why it is not. */
export function misfit(value: unknown, schema: Json, document: Json, at = '$'): string | null {
  if (schema.$ref) {
    const [, , section, name] = schema.$ref.split('/')
    return misfit(value, document.components[section][name], document, at)
  }
  if (schema.anyOf) return oneOf(schema.anyOf, value, { document, at, exactly: false })
  if (schema.oneOf) return oneOf(schema.oneOf, value, { document, at, exactly: true })
  const types: string[] = schema.type === undefined ? [] : [schema.type].flat()
  if (types.length > 0 && !types.some(type => isOf(type, value))) return `${at} is no ${types.join(' or ')}`
  if (value === null) return null
  if (schema.enum && !schema.enum.includes(value)) return `${at} is none of ${schema.enum}`
  if (schema.format === 'date-time' && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(String(value))) {
    return `${at} is no time`
  }
  if (Array.isArray(value)) return firstOf(value.map((each, i) => misfit(each, schema.items, document, `${at}[${i}]`)))
  return typeof value === 'object' ? objectMisfit(value as Record<string, unknown>, schema, document, at) : null
}

function objectMisfit(value: Record<string, unknown>, schema: Json, document: Json, at: string): string | null {
  const missing = schema.required?.find((name: string) => !Object.hasOwn(value, name))
  if (missing) return `${at}.${missing} is missing`
  return firstOf(
    Object.entries(value).map(([name, below]) => {
      const known = schema.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined
      if (known) return misfit(below, known, document, `${at}.${name}`)
      // What a document does not name, an answer does not hold: unless it is said to be open.
      return schema.properties && schema.additionalProperties !== true ? `${at}.${name} is not described` : null
    }),
  )
}

const firstOf = (misfits: (string | null)[]) => misfits.find(each => each !== null) ?? null

function oneOf(
  schemas: Json[],
  value: unknown,
  { document, at, exactly }: { document: Json; at: string; exactly: boolean },
): string | null {
  const fitting = schemas.filter(each => misfit(value, each, document, at) === null).length
  if (fitting === 0 || (exactly && fitting > 1)) return `${at} fits ${fitting} of ${schemas.length} alternatives`
  return null
}

function isOf(type: string, value: unknown): boolean {
  if (type === 'null') return value === null
  if (type === 'array') return Array.isArray(value)
  if (type === 'integer') return Number.isInteger(value)
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value)
  const kind: string = typeof value
  return kind === type
}
