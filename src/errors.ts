/** The one error class and the table code → status. `message` is for the caller, `cause` for the log. */
const STATUS = {
  validation_error: 400,
  unauthorized: 401,
  quota_exceeded: 402,
  account_inactive: 403,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  duplicate: 409,
  limit_exceeded: 409,
  instance_not_connected: 409,
  idempotency_conflict: 409,
  billing_not_configured: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  range_not_satisfiable: 416,
  rate_limited: 429,
  queue_full: 429,
  internal_error: 500,
  unavailable: 503,
} as const

export type ErrorCode = keyof typeof STATUS
export type Details = Record<string, unknown>

export class ApiError extends Error {
  readonly code: ErrorCode
  readonly details: Details
  /** Seconds after which trying again makes sense; becomes the Retry-After header. */
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: Details; cause?: unknown; retryAfterSeconds?: number } = {},
  ) {
    super(message, { cause: options.cause })
    this.name = 'ApiError'
    this.code = code
    this.details = options.details ?? {}
    this.retryAfterSeconds = options.retryAfterSeconds
  }

  get status(): number {
    return STATUS[this.code]
  }

  /** What GraphQL and SOFA read: both doors carry the same code and details. */
  get extensions(): { code: ErrorCode; details: Details; http: { status: number } } {
    return { code: this.code, details: this.details, http: { status: this.status } }
  }
}

/** Every bad field at once, by its dotted path in camelCase; the REST door respells the keys. */
export function invalid(problems: Record<string, string>): ApiError {
  const [first] = Object.entries(problems)
  return new ApiError('validation_error', first ? `${first[0]} ${first[1]}` : 'invalid request', { details: problems })
}

export const accountInactive = () => new ApiError('account_inactive', 'This account is not active')
/** Strangers get them by the thousand, and nobody looks for where: to collect a stack costs more than all the rest. */
function withoutStack(make: () => ApiError): ApiError {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return make()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

export const unauthorized = () =>
  withoutStack(
    () => new ApiError('unauthorized', 'Missing or invalid authentication: send an API key in the header X-API-Key'),
  )
/** The same for a link that has expired, one that was used and one that never was. */
export const invalidLink = () =>
  new ApiError('unauthorized', 'This sign-in link has expired or was used before: ask for a new one')
export const forbidden = (message: string) => new ApiError('forbidden', message)
export const rateLimited = (retryAfterSeconds: number) =>
  withoutStack(
    () =>
      new ApiError('rate_limited', `Too many requests: try again in ${Math.ceil(retryAfterSeconds)} s`, {
        retryAfterSeconds,
      }),
  )
/** Nothing of it was begun. */
export const overloaded = (retryAfterSeconds: number) =>
  withoutStack(
    () =>
      new ApiError('unavailable', `There is too much to do right now: try again in ${retryAfterSeconds} s`, {
        retryAfterSeconds,
      }),
  )
/** Of one instance's messages that WhatsApp does not have yet. */
export const queueFull = (max: number) =>
  new ApiError('queue_full', `${max} messages of this instance wait to be sent already`, {
    details: { limit: max },
    retryAfterSeconds: 10,
  })
/** One tenant's subscriptions at once: waiting does not help, closing one does. */
export const tooManyStreams = (max: number) =>
  new ApiError('rate_limited', `At most ${max} streams at once`, { details: { limit: max } })
export const quotaExceeded = (quota: { used: number; included: number; resetsAt: Date }) =>
  new ApiError('quota_exceeded', `All ${quota.included} messages of this cycle are used`, {
    details: { used: quota.used, included: quota.included, resetsAt: quota.resetsAt.toISOString() },
  })
/** Another request with the same key is under way. */
export const idempotencyBusy = (retryAfterSeconds: number) =>
  new ApiError('idempotency_conflict', 'A request with this Idempotency-Key is still under way', { retryAfterSeconds })
export const idempotencyMismatch = () =>
  new ApiError('idempotency_conflict', 'This Idempotency-Key was used for another request')
export const limitExceeded = (message: string) => new ApiError('limit_exceeded', message)
export const notFound = (what: string) => new ApiError('not_found', `${what} not found`)
export const duplicate = (what: string) => new ApiError('duplicate', `${what} already exists`)
export const instanceNotConnected = (state: string) =>
  new ApiError('instance_not_connected', `instance is ${state}: connect it first`, { details: { state } })
export const billingNotConfigured = () => new ApiError('billing_not_configured', 'Billing is not set up on this server')
export const methodNotAllowed = () => new ApiError('method_not_allowed', 'Method not allowed')
export const unsupportedMediaType = (wanted = 'application/json') =>
  new ApiError('unsupported_media_type', `Content-Type must be ${wanted}`)
export const rangeNotSatisfiable = (sizeBytes: number) =>
  new ApiError('range_not_satisfiable', `there are ${sizeBytes} bytes`, { details: { sizeBytes } })
export const payloadTooLarge = (limitBytes: number) =>
  new ApiError('payload_too_large', `body is larger than ${limitBytes} bytes`, { details: { limitBytes } })
export const unavailable = (message: string, cause?: unknown) =>
  new ApiError('unavailable', message, { cause, retryAfterSeconds: 5 })
export const internal = (id: string, cause: unknown) =>
  new ApiError('internal_error', `Something went wrong on our side. Quote ${id} to support.`, {
    details: { id },
    cause,
  })
