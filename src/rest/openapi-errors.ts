import type { Route } from './routes.ts'

/** Errors in the OpenAPI document. */

export const BODY = 'application/json'

export const REQUEST_ID = {
  description: 'The id of the request: your own, if you sent a sane one.',
  schema: { type: 'string' },
}

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
  Unauthorized: 'The API key is missing, unknown or revoked.',
  NotFound: 'There is no such thing among yours.',
  TooLarge: 'The body is larger than 1 MiB.',
  NotJson: 'The body is not `application/json`.',
  Error: 'Any other error.',
}

export const ERROR_RESPONSES = Object.fromEntries(
  Object.entries(DESCRIPTIONS).map(([name, description]) => [
    name,
    {
      description,
      headers: { 'X-Request-Id': { $ref: '#/components/headers/RequestId' } },
      content: { [BODY]: { schema: { $ref: '#/components/schemas/Error' } } },
    },
  ]),
)

const ref = (name: keyof typeof DESCRIPTIONS) => ({ $ref: `#/components/responses/${name}` })

export function errorsOf(route: Route): object {
  const hasInput = route.field.args.some(arg => arg.name === 'input')
  return {
    400: ref('BadRequest'),
    ...(route.open ? {} : { 401: ref('Unauthorized') }),
    ...(route.path.includes('{') ? { 404: ref('NotFound') } : {}),
    ...(hasInput ? { 413: ref('TooLarge'), 415: ref('NotJson') } : {}),
    default: ref('Error'),
  }
}
