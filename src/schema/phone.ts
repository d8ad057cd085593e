import { chatJid, phoneDigits } from '../resolvers/chats/chat-id.ts'
import { type Check, limited } from './check.ts'

/** Rules on values that name a phone or a chat. */

export const phoneNumber: Check = (value: string) =>
  phoneDigits(value)
    ? null
    : 'must be a phone number in international form, 8 to 15 digits beginning with the country code, such as +5511999999999'

export const chatId: Check = (value: string) =>
  chatJid(value)
    ? null
    : 'must be …@s.whatsapp.net, …@lid, …@g.us, or a phone number in international form: 8 to 15 digits beginning with the country code, such as +5511999999999'

export const digits: Check = limited({ pattern: '^[0-9]{8,15}$' }, (value: string) =>
  /^\d{8,15}$/.test(value) ? null : 'must be 8 to 15 digits, without anything else',
)

/** A person, not a group. */
export const person: Check = (value: string) => {
  const jid = chatJid(value)
  return jid && !jid.endsWith('@g.us')
    ? null
    : 'must be …@s.whatsapp.net, …@lid, or a phone number in international form, such as +5511999999999'
}
