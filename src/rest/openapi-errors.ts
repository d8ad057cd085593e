import { isOnce } from '../schema/mutations.ts'
import type { Route } from './routes.ts'

/** Errors in the OpenAPI document. */

export const BODY = 'application/json'

const integer = (description: string) => ({ description, schema: { type: 'integer' } })

/** Components; the first four are on every answer. */
export const HEADERS = {
  RequestId: {
    description: 'The id of the request: your own, if you sent a sane one.',
    schema: { type: 'string' },
  },
  RateLimitLimit: integer('Requests in a window of one minute.'),
  RateLimitRemaining: integer('What is left of them.'),
  RateLimitReset: integer('When the window ends, in seconds since 1970.'),
  RetryAfter: integer('Seconds to wait before the next try.'),
  QuotaUsed: integer('Messages counted in this cycle, with this one. Absent when there is no limit.'),
  QuotaRemaining: integer('What is left of them. Absent when there is no limit.'),
  IdempotencyReplayed: {
    description: 'The answer is that of an earlier request with the same `Idempotency-Key`.',
    schema: { const: 'true' },
  },
}

/** A parameter of what runs once. */
export const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'Makes it safe to ask again: for 24 hours the same key with the same body gets the first answer, and nothing is done twice.',
  schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[ -~]*$' },
}

const header = (name: keyof typeof HEADERS) => ({ $ref: `#/components/headers/${name}` })

export const EVERY_ANSWER = {
  'X-Request-Id': header('RequestId'),
  'X-RateLimit-Limit': header('RateLimitLimit'),
  'X-RateLimit-Remaining': header('RateLimitRemaining'),
  'X-RateLimit-Reset': header('RateLimitReset'),
}

export const headersOfSuccess = (route: Route): object => ({
  ...EVERY_ANSWER,
  ...(route.counted && { 'X-Quota-Used': header('QuotaUsed'), 'X-Quota-Remaining': header('QuotaRemaining') }),
  ...(isOnce(route.field) && { 'Idempotency-Replayed': header('IdempotencyReplayed') }),
})

export const ERROR_SCHEMA = {
  type: 'object',
  description: 'Every error has this shape.',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'details'],
      properties: {
        code: { type: 'string', description: 'Stable, for programs.', examples: ['validation_error'] },
        message: { type: 'string', description: 'A sentence for people.' },
        details: {
          type: 'object',
          additionalProperties: true,
          description: 'Facts by name; of a `validation_error` what is wrong with each field, by its dotted path.',
        },
      },
    },
  },
}

const DESCRIPTIONS = {
  BadRequest: 'The request is not valid: `details` names each bad field.',
  Unauthorized: 'The API key or the session is missing, unknown or revoked.',
  Forbidden:
    'The account is not active, a write by session cookie comes from another origin, or it is for the operator only.',
  QuotaExceeded: 'All messages of this cycle are used; `details` says when the next one begins.',
  NotFound: 'There is no such thing among yours.',
  Conflict: 'The `Idempotency-Key` was used for another request, or the state of things does not allow it.',
  TooLarge: 'The body is larger than 1 MiB.',
  FileTooLarge: 'The file is larger than this server takes, 15 MB by default.',
  NotMultipart: 'The body is not `multipart/form-data`.',
  NotJson: 'The body is not `application/json`.',
  BadRange: 'No byte of the file is in the range that was asked for.',
  RateLimited: 'The requests of this minute are used up, or so many messages wait to be sent already (`queue_full`).',
  Error: 'Any other error.',
}

export const ERROR_RESPONSES = Object.fromEntries(
  Object.entries(DESCRIPTIONS).map(([name, description]) => [
    name,
    {
      description,
      headers: name === 'RateLimited' ? { ...EVERY_ANSWER, 'Retry-After': header('RetryAfter') } : EVERY_ANSWER,
      content: { [BODY]: { schema: { $ref: '#/components/schemas/Error' } } },
    },
  ]),
)

export const ref = (name: keyof typeof DESCRIPTIONS) => ({ $ref: `#/components/responses/${name}` })

export function errorsOf(route: Route): object {
  const hasInput = route.field.args.some(arg => arg.name === 'input')
  const multipart = route.multipart !== undefined
  return {
    400: ref('BadRequest'),
    ...(route.open ? {} : { 401: ref('Unauthorized'), 403: ref('Forbidden') }),
    ...(route.counted ? { 402: ref('QuotaExceeded') } : {}),
    ...(route.path.includes('{') ? { 404: ref('NotFound') } : {}),
    ...(route.conflicts || isOnce(route.field) ? { 409: ref('Conflict') } : {}),
    ...(hasInput ? { 413: ref('TooLarge'), 415: ref('NotJson') } : {}),
    ...(multipart ? { 413: ref('FileTooLarge'), 415: ref('NotMultipart') } : {}),
    429: ref('RateLimited'),
    default: ref('Error'),
  }
}
