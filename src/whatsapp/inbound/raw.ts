import { withoutNul } from '../text.ts'

/** WhatsApp's own form as JSON: what was set, bytes in base64, numbers of 64 bits as strings. */
export function rawOf(message: object): Record<string, unknown> {
  const fields = Object.entries(message).flatMap(([name, value]): [string, unknown][] => {
    if (value === null || value === undefined || (Array.isArray(value) && value.length === 0)) return []
    return [[name, plain(value)]]
  })
  return Object.fromEntries(fields)
}

function plain(value: unknown): unknown {
  if (typeof value === 'string') return withoutNul(value)
  // JSON has no word for them.
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value)) return value.map(plain)
  return 'low' in value && 'high' in value ? String(value) : rawOf(value)
}
