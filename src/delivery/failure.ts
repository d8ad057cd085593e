import type { FailureCode } from './delivery.ts'

/** Why there is no answer. The message is for the caller: it names no address, and nothing of this machine. */
export class Failure extends Error {
  readonly code: FailureCode

  constructor(code: FailureCode, message: string) {
    super(message)
    this.code = code
  }
}

/** What came of the work, unless the signal ends first: its reason then. The work itself is left alone. */
export async function unlessEnded<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const ended = Promise.withResolvers<never>()
  const end = () => ended.reject(signal.reason)
  signal.addEventListener('abort', end)
  try {
    signal.throwIfAborted()
    return await Promise.race([work, ended.promise])
  } finally {
    signal.removeEventListener('abort', end)
    work.catch(() => {})
  }
}

/** A word of the system's, such as ECONNREFUSED: short, and telling. */
export function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : 'no reason given'
}
