/** As they are sent: `message.received`. In GraphQL the dot is an underscore. */
export const WEBHOOK_EVENTS = [
  'message_received',
  'message_status',
  'message_reaction',
  'message_read',
  'message_created',
  'message_updated',
  'connection_update',
  'qr_updated',
  'webhook_disabled',
] as const

export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number]

export const dotted = (event: string): string => event.replace('_', '.')
