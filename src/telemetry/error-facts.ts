import { scrubText } from './scrub.ts'

/** An error as the log tells it: kind, words without what they quote, where from. Drivers hang statements, parameters and whole rows on theirs. */
export interface ErrorFacts {
  type: string
  message: string
  code?: string
  /** Names of the schema, never values. */
  constraint?: string
  table?: string
  /** Lines of places only: the first lines of a stack repeat the message. */
  stack?: string
  cause?: ErrorFacts
}

const CAUSES_MAX = 4
const FRAMES_MAX = 20

export function errorFacts(error: unknown, depth = 0): ErrorFacts {
  if (!(error instanceof Error)) return { type: typeof error, message: 'not an error' }
  const { code, constraint, table } = error as { code?: unknown; constraint?: unknown; table?: unknown }
  const facts: ErrorFacts = { type: error.name, message: messageOf(error) }
  if (typeof code === 'string' || typeof code === 'number') facts.code = String(code).slice(0, 64)
  if (typeof constraint === 'string') facts.constraint = constraint
  if (typeof table === 'string') facts.table = table
  const frames = error.stack?.split('\n').filter(line => /^\s+at /.test(line))
  if (frames && frames.length > 0) facts.stack = frames.slice(0, FRAMES_MAX).join('\n')
  if (error.cause instanceof Error && depth < CAUSES_MAX) facts.cause = errorFacts(error.cause, depth + 1)
  return facts
}

function messageOf(error: Error): string {
  const { severity, query } = error as { severity?: unknown; query?: unknown }
  // PostgreSQL quotes the value that it did not take; names of constraints are facts of their own.
  if (severity !== undefined || query !== undefined) return scrubText(withoutQuotes(error.message))
  // JSON.parse quotes what it could not read.
  if (error instanceof SyntaxError) return scrubText(withoutQuotes(error.message))
  return scrubText(error.message)
}

const withoutQuotes = (message: string): string => message.replace(/"[\s\S]*"/, '"…"').replace(/'[\s\S]*'/, "'…'")
