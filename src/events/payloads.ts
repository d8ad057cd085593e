import { z } from 'zod'

/**
 * Each event and what its payload looks like on the wire: snake_case, as webhooks carry it. One description makes the
 * types that the renderers are held to and the JSON Schema that readers are given.
 */

const instant = z.iso.datetime().describe('ISO 8601 in UTC, with milliseconds.')
const messageId = z.string().describe('`msg_…`')
const chatId = z.string().describe('The chat, as in the message.')
const jid = (of: string) => z.string().describe(`${of}: a jid.`)

const error = z
  .object({ code: z.string().describe('For programs.'), message: z.string().describe('A sentence for people.') })
  .describe('Why it failed.')

/** A message exactly as `GET …/messages/{id}` answers it. */
const message = z.object({
  id: messageId,
  instance_id: z.string().describe('`inst_…`'),
  chat_id: z.string().describe('The phone form once known, else the `@lid` form; of a group its `@g.us`.'),
  lid: z.string().nullable().describe('The `@lid` of a direct chat, where it is known.'),
  phone_number: z.string().nullable().describe('The phone number of a direct chat, where it is known.'),
  sender: jid('Who wrote it'),
  direction: z.string().describe('`inbound` or `outbound`.'),
  type: z.string().describe('Of what kind it is.'),
  status: z.string().describe('How far it has come.'),
  content: z.record(z.string(), z.unknown()).describe('What it says: the fields of its type, as the API answers them.'),
  reactions: z
    .array(z.object({ sender: jid('Who reacted'), emoji: z.string().describe('One emoji.'), at: instant }))
    .describe('Who reacted to it, and how.'),
  quoted_message_id: z.string().nullable().describe('The message that it answers.'),
  mentions: z.array(z.string()).describe('Whom it mentions: jids.'),
  timestamp: instant,
  edited_at: instant.nullable().describe('When it was last edited.'),
  deleted_at: instant.nullable().describe('When it was deleted for everyone.'),
  error: error.nullable(),
})

const raw = z
  .record(z.string(), z.unknown())
  .optional()
  .describe("WhatsApp's own form of the message, for instances with `emit_raw`.")

const status = z.object({
  state: z.string().describe('How the instance stands with WhatsApp.'),
  last_error: z.string().nullable().describe('What last went wrong, in a sentence; null once connected.'),
  updated_at: instant,
})

interface Described {
  description: string
  data: z.ZodObject
}

export const EVENTS = {
  'message.received': { description: 'A message came in.', data: message.extend({ raw }) },
  'message.status': {
    description: 'A sent message got further, or failed.',
    data: z.object({
      message_id: messageId,
      chat_id: chatId,
      status: z.string().describe('`sent`, `delivered`, `read` or `failed`.'),
      error: error.nullable(),
    }),
  },
  'message.reaction': {
    description: 'Somebody reacted to a message, or took the reaction back.',
    data: z.object({
      message_id: messageId,
      chat_id: chatId,
      sender: jid('Who reacted'),
      emoji: z.string().describe('One emoji; empty when the reaction was taken back.'),
      raw,
    }),
  },
  'message.read': {
    description: 'Somebody has read a sent message.',
    data: z.object({ message_id: messageId, chat_id: chatId, reader: jid('Who read it') }),
  },
  'message.created': {
    description: 'A message was accepted for sending, or sent from the phone itself.',
    data: message,
  },
  'message.updated': { description: 'A message was edited or deleted.', data: message },
  'connection.update': { description: 'The state of the instance changed.', data: status },
  'qr.updated': {
    description: 'There is a new QR code to scan.',
    data: z.object({
      qr: z.string().describe('The text of the code.'),
      qr_image_data_url: z.string().describe('The code as a PNG in a `data:` URL.'),
      expires_at: instant,
    }),
  },
  'webhook.test': {
    description: 'A test that was asked for. It goes to the webhook that is tested, whatever events that has.',
    data: z.object({ webhook_id: z.string().describe('`whk_…`') }),
  },
  'webhook.disabled': {
    description: 'A webhook was deactivated because its receiver does not take what it is sent.',
    data: z.object({
      webhook_id: z.string().describe('`whk_…`'),
      url: z.string().describe('Where it pointed.'),
      reason: z
        .enum(['gone', 'failing'])
        .describe('`gone`: the receiver answered 410. `failing`: nothing was taken for days.'),
    }),
  },
} as const satisfies Record<string, Described>

export type EventType = keyof typeof EVENTS
export type EventData = { [Type in EventType]: z.infer<(typeof EVENTS)[Type]['data']> }
export type RenderedMessage = z.infer<typeof message>
export type RenderedError = z.infer<typeof error>

/** Those that a webhook may ask for. */
export type WebhookEventType = Exclude<EventType, 'webhook.test'>

/** Of `data`, without the name of the dialect: it is that of OpenAPI 3.1. */
export function dataSchema(type: EventType): Record<string, unknown> {
  const { $schema: _, ...schema } = z.toJSONSchema(EVENTS[type].data)
  return schema
}
