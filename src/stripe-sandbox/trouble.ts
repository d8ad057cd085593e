/** An error as Stripe answers it. */
export class StripeTrouble extends Error {
  readonly statusCode: number
  readonly body: { error: { type: string; message: string; code?: string; param?: string } }

  constructor(statusCode: number, error: { type?: string; message: string; code?: string; param?: string }) {
    super(error.message)
    this.statusCode = statusCode
    this.body = { error: { type: 'invalid_request_error', ...error } }
  }
}

export const noSuch = (what: string, id: string, param = 'id'): StripeTrouble =>
  new StripeTrouble(param === 'id' ? 404 : 400, {
    code: 'resource_missing',
    message: `No such ${what}: '${id}'`,
    param,
  })

export const wrong = (message: string, param?: string): StripeTrouble =>
  new StripeTrouble(400, { message, ...(param && { param }) })

export const required = (param: string): StripeTrouble =>
  new StripeTrouble(400, { code: 'parameter_missing', message: `Missing required param: ${param}.`, param })

export const failure = (): StripeTrouble =>
  new StripeTrouble(500, { type: 'api_error', message: 'An error occurred on our side.' })
