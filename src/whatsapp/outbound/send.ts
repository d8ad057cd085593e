import { proto, type WASocket } from '@whiskeysockets/baileys'
import { isGroup, isPerson, isPhone, parseJid } from '../jid.ts'
import type { OutboundMessage, SendOutcome } from '../whatsapp.ts'
import { sentMessage } from './compose.ts'

/** Answers of the server to a query that will be the same next time. */
const FINAL = new Set([400, 401, 403, 404, 406, 410])
/** Those of them that a group gives to who is not in it, or when there is none. */
const CLOSED = new Set([401, 403, 404, 410])

/** Writes the message to the socket; never throws. */
export async function send(socket: WASocket, message: OutboundMessage): Promise<SendOutcome> {
  const { chat, whatsappId, payload } = message
  if (!isPerson(chat) && !isGroup(chat))
    return { kind: 'rejected', code: 'invalid_chat', message: `${chat} is no chat that can be written to` }
  try {
    const refusal = isPerson(chat) ? await unreachable(socket, chat) : null
    if (refusal) return refusal
    const content = sentMessage(payload)!
    const edit = editOf(content)
    await socket.relayMessage(chat, content, {
      messageId: whatsappId,
      ...(edit ? { additionalAttributes: { edit } } : {}),
    })
    return { kind: 'written' }
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    const code = (error as { data?: unknown }).data
    if (typeof code === 'number' && FINAL.has(code)) return refused(chat, code)
    return { kind: 'failed', message: text }
  }
}

function refused(chat: string, code: number): SendOutcome {
  if (isGroup(chat) && CLOSED.has(code))
    return { kind: 'rejected', code: 'not_in_group', message: `${chat} is no group that this account is in` }
  return { kind: 'rejected', code: 'refused', message: `WhatsApp refused the message (${code}).` }
}

const { MESSAGE_EDIT, REVOKE } = proto.Message.ProtocolMessage.Type

/** What a stanza must say of a message that changes another; `relayMessage` leaves it out. */
export function editOf({ protocolMessage, reactionMessage }: proto.IMessage): string | null {
  if (protocolMessage?.type === MESSAGE_EDIT) return '1'
  if (protocolMessage?.key && protocolMessage.type === REVOKE) return protocolMessage.key.fromMe ? '7' : '8'
  return reactionMessage && !reactionMessage.text ? '7' : null
}

/**
 * Without a device of the contact Baileys would write an empty stanza, which WhatsApp acks all the same. The list
 * is cached, so this costs a question only for a new contact; a question that was not answered looks like no device.
 */
async function unreachable(socket: WASocket, chat: string): Promise<SendOutcome | null> {
  const user = parseJid(chat)?.user
  const devices = await socket.getUSyncDevices([chat], true, false)
  if (devices.some(device => device.user === user)) return null
  const answer = isPhone(chat) ? await socket.onWhatsApp(chat) : undefined
  if (answer && !answer.some(contact => contact.exists))
    return { kind: 'rejected', code: 'not_on_whatsapp', message: `+${user} is not on WhatsApp` }
  return { kind: 'failed', message: 'WhatsApp did not say which devices the contact has' }
}
