import type { MessageError } from './shape.ts'

/** WhatsApp's error codes on an ack, in words a person understands. */
export function refusal(code: string): MessageError {
  switch (code) {
    case '463':
      return {
        code: 'recipient_restricted',
        message: 'WhatsApp does not let this account write to people who have not written to it first (463).',
      }
    case '479':
      return { code: 'not_accepted', message: 'WhatsApp did not accept the message for this recipient (479).' }
    case '404':
      return { code: 'not_on_whatsapp', message: 'This number is not on WhatsApp.' }
    case '429':
      return { code: 'rate_limited', message: 'WhatsApp refuses more messages from this account for now (429).' }
    default:
      return { code: 'refused', message: `WhatsApp refused the message (${code}).` }
  }
}
