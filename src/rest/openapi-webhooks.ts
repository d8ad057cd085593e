import type { DescribedEvent } from '../resolvers/events/eventCatalogue.ts'

/** What receivers of webhooks are sent, as OpenAPI describes it: one request for each event there is. */
export const webhooksOf = (events: DescribedEvent[]): object =>
  Object.fromEntries(events.map(event => [event.event, { post: request(event) }]))

const request = ({ event, description, schema }: DescribedEvent): object => ({
  operationId: `receive ${event}`.replace(/[ .](\w)/g, (_, letter: string) => letter.toUpperCase()),
  summary: description.split(/[.:;](\s|$)/)[0],
  description,
  tags: ['Webhooks'],
  security: [],
  parameters: HEADERS,
  requestBody: { required: true, content: { 'application/json': { schema: envelope(event, schema) } } },
  responses: {
    '2XX': { description: 'It is taken, and not sent again. The body is not looked at.' },
    410: { description: 'Nothing will ever be taken here again: the webhook is deactivated.' },
    default: {
      description:
        'It is not taken, and sent again up to three times. `Retry-After` is heeded, up to an hour. Redirects are not followed.',
    },
  },
})

const envelope = (event: string, data: object): object => ({
  type: 'object',
  required: ['id', 'event', 'instance_id', 'timestamp', 'data'],
  properties: {
    id: { type: 'string', description: '`evt_…`: the same on every try. Who has it already can leave it.' },
    event: { const: event },
    instance_id: { type: 'string', description: '`inst_…`: where it happened.' },
    timestamp: { type: 'string', format: 'date-time', description: 'When it happened.' },
    data,
  },
})

const header = (name: string, description: string, required = true): object => ({
  name,
  in: 'header',
  required,
  description,
  schema: { type: 'string' },
})

const HEADERS = [
  header('X-Webhook-Signature', 'HMAC-SHA256 of the raw body under the secret as it is written, in lower-case hex.'),
  header('X-Webhook-Signature-Previous', 'The same under the secret before, for 24 hours after a rotation.', false),
  header('webhook-id', 'The `id` of the body.'),
  header('webhook-timestamp', 'When it was sent: seconds since 1970.'),
  header(
    'webhook-signature',
    'By the rules of Standard Webhooks: `v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64; two of them, separated by a blank, for 24 hours after a rotation.',
  ),
  header('traceparent', 'The trace of what happened, and in it this very try; where the server is traced.', false),
]
