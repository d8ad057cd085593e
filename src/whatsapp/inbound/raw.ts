import { storable } from '../text.ts'

/** What a message of people nests: wrappers, and an answer in an answer. */
const MAX_DEPTH = 64
/** Of one message, about as its JSON has them. */
const MAX_CHARS = 1024 * 1024

type Budget = { chars: number }

/**
 * WhatsApp's own form as JSON: what was set, bytes in base64, numbers of 64 bits as strings. Null stands where it goes
 * deeper or further than any message of people.
 */
export const rawOf = (message: object): Record<string, unknown> => fieldsOf(message, { chars: MAX_CHARS }, 0)

function fieldsOf(message: object, budget: Budget, depth: number): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(message)) {
    if (value === null || value === undefined || (Array.isArray(value) && value.length === 0)) continue
    fields[name] = plain(value, budget, depth + 1)
  }
  return fields
}

function plain(value: unknown, budget: Budget, depth: number): unknown {
  budget.chars -= sizeOf(value)
  if (budget.chars < 0 || depth > MAX_DEPTH) return null
  if (typeof value === 'string') return storable(value)
  // JSON has no word for them.
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value)) return listOf(value, budget, depth)
  return 'low' in value && 'high' in value ? String(value) : fieldsOf(value, budget, depth)
}

/** Ends where there is no room left. */
function listOf(values: unknown[], budget: Budget, depth: number): unknown[] {
  const list: unknown[] = []
  for (const value of values) {
    if (budget.chars < 0) break
    list.push(plain(value, budget, depth + 1))
  }
  return list
}

const EACH = 16

function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length + EACH
  return value instanceof Uint8Array ? Math.ceil((value.length * 4) / 3) + EACH : EACH
}
