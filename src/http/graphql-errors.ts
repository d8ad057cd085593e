import { GraphQLError } from 'graphql'
import type { ApiError, ErrorCode } from '../errors.ts'
import { apiErrorOf, crash } from '../rest/answer.ts'
import type { Log } from '../telemetry/log.ts'
import { literalDetails } from './graphql-literals.ts'

/** Errors as the GraphQL door tells them: the house's `code` and `details` in `extensions`, and nothing internal. */

const CODES = new Map<unknown, ErrorCode>([
  [405, 'method_not_allowed'],
  [413, 'payload_too_large'],
  [415, 'unsupported_media_type'],
])

interface Extensions {
  code?: unknown
  details?: unknown
  http?: { status?: number }
}

export interface MaskOptions {
  /** Goes into the log line of a crash. */
  requestId?: string
  hideSuggestions?: boolean
}

/** What a resolver or Yoga threw → what the caller may see. What was masked before stays as it is. */
export function masked(log: Log, error: unknown, { requestId, hideSuggestions }: MaskOptions = {}): Error {
  if (isAbort(error)) return error as Error
  const known = apiErrorOf(error)
  if (known) return tell(error, known)
  if (isOwnOfGraphql(error)) return coded(error, { hideSuggestions })
  // Not located in a field: Yoga throws it bare when it cannot read the variables of a GET.
  if (error instanceof SyntaxError) {
    return new GraphQLError('the request is not valid JSON', {
      extensions: { code: 'validation_error', details: {}, http: { status: 400 } },
    })
  }
  return tell(error, crash({ log, requestId }, error))
}

/** An error of GraphQL itself (syntax, validation, variables) is about what the caller sent. */
export function coded(error: GraphQLError, options: { hideSuggestions?: boolean } = {}): GraphQLError {
  const extensions = error.extensions as Extensions
  extensions.code = CODES.get(extensions.http?.status) ?? 'validation_error'
  extensions.details ??= literalDetails(error)
  if (options.hideSuggestions) error.message = error.message.replace(/ Did you mean .*$/s, '')
  return error
}

export const isOurs = (error: GraphQLError): boolean =>
  typeof error.extensions.code === 'string' && typeof error.extensions.details === 'object'

/** Without data there is nothing but the error, and its status is the status of the answer. */
export const statusOf = (error: GraphQLError): number | undefined => apiErrorOf(error)?.status

function tell(error: unknown, known: ApiError): GraphQLError {
  const located = error instanceof GraphQLError ? error : undefined
  return new GraphQLError(known.message, {
    nodes: located?.nodes,
    source: located?.source,
    positions: located?.positions,
    path: located?.path,
    originalError: known,
    extensions: { code: known.code, details: known.details },
  })
}

interface Payload {
  errors?: readonly unknown[]
  incremental?: readonly { errors?: readonly unknown[] }[]
}

/** A result, or one payload of many: what is deferred or streamed has errors of its own. */
export function maskedResult<Result extends Payload>(result: Result, mask: (error: unknown) => Error): Result {
  if (!result.errors && !result.incremental) return result
  return {
    ...result,
    ...(result.errors && { errors: result.errors.map(mask) }),
    ...(result.incremental && {
      incremental: result.incremental.map(part => (part.errors ? { ...part, errors: part.errors.map(mask) } : part)),
    }),
  }
}

function isOwnOfGraphql(error: unknown): error is GraphQLError {
  return error instanceof GraphQLError && (error.originalError == null || isOwnOfGraphql(error.originalError))
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}
