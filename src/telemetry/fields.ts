import { scrubbed } from './scrub.ts'

/**
 * What may stand in a log line. A field that is not listed is left out, and its name is told instead: so a new field
 * is a decision, and a body, a header or a text never gets in by accident.
 */

/** Ids, names and numbers of the house's own making. */
const PLAIN = [
  'action',
  'aborted',
  'attempt',
  'attempts',
  'code',
  'command',
  'count',
  'errorId',
  'inboxKey',
  'instanceId',
  'instances',
  'job',
  'letterId',
  'messageId',
  'method',
  'migrations',
  'ms',
  'node',
  'operations',
  'part',
  'pid',
  'requestId',
  'route',
  'signal',
  'state',
  'status',
  'tenantId',
  'traceId',
  'work',
] as const

/** Words that another party may have had a hand in. */
const SCRUBBED = ['baileys', 'database', 'error', 'holds', 'reason', 'url'] as const

type Tell = (value: unknown) => unknown

const FIELDS = new Map<string, Tell>([
  ...PLAIN.map(name => [name, plain] as const),
  ...SCRUBBED.map(name => [name, scrubbed] as const),
  // Told by the serializer of errors.
  ['err', value => value],
])

export function allowed(fields: Record<string, unknown>): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  let unknown: string[] | undefined
  for (const name in fields) {
    const tell = FIELDS.get(name)
    if (tell) out[name] = tell(fields[name])
    else (unknown ??= []).push(name.slice(0, 40))
  }
  if (unknown) out.notLogged = unknown
  return out
}

/** An object has no business in a line: what it holds was not looked at. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  return Array.isArray(value) ? value.map(each => (typeof each === 'object' ? '…' : each)) : '…'
}
