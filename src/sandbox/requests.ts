import { type PhoneChat, SandboxError, type ShownMessage } from './sandbox.ts'
import type { Simulator } from './simulator.ts'
import type { proto } from './wa.ts'

/** Requests come over HTTP too: what they hold is checked here, and turned into what the network speaks. */

const MAX_CHATS = 1_000
const MAX_MESSAGES = 100_000
const MAX_SUBJECT = 100
const MAX_NAME = 200

const invalid = (message: string) => new SandboxError('invalid', message)
export const unknownMessage = () => new SandboxError('unknown_message', 'the contact has no such message')

export function digits(number: unknown): string {
  const plain = typeof number === 'string' ? number.replace(/^\+/, '') : ''
  if (!/^[1-9]\d{5,14}$/.test(plain)) throw invalid('a phone number has 6 to 15 digits')
  return plain
}

export function code(value: unknown): number {
  if (!Number.isInteger(value)) throw invalid('code is a number')
  return value as number
}

export function subject(value: unknown): string {
  if (typeof value !== 'string' || value.trim() === '' || value.length > MAX_SUBJECT) {
    throw invalid(`subject has 1 to ${MAX_SUBJECT} characters`)
  }
  return value
}

/** `known`: throws for whoever cannot be in the address book. */
export function checkedChats(chats: unknown, known: (chat: string) => void): PhoneChat[] {
  if (!Array.isArray(chats) || chats.length > MAX_CHATS) throw invalid(`chats are at most ${MAX_CHATS}`)
  let messages = 0
  for (const chat of chats as PhoneChat[]) {
    if (typeof chat?.with !== 'string') throw invalid('with is missing')
    known(chat.with)
    for (const name of [chat.name, chat.pushName]) {
      if (name !== undefined && (typeof name !== 'string' || name.length > MAX_NAME)) throw invalid('name is too long')
    }
    const times = (chat.messages ?? []).map(m => m.at)
    if (chat.mutedUntil) times.push(chat.mutedUntil)
    if (times.some(at => Number.isNaN(Date.parse(at)))) throw invalid('times are ISO 8601')
    messages += chat.messages?.length ?? 0
  }
  if (messages > MAX_MESSAGES) throw invalid(`messages are at most ${MAX_MESSAGES}`)
  return chats as PhoneChat[]
}

/** How the contact on whose phone it is shown names a message to others. */
export function keyOf(sim: Simulator, shown: ShownMessage): proto.IMessageKey {
  const { chatId: remoteJid, fromMe, whatsappId: id, from } = shown
  const group = sim.groups.get(remoteJid)
  return { remoteJid, fromMe, id, ...(group && { participant: sim.person(from).jid(group.addressing) }) }
}

/** A message that is answered: its author, and what it says, as far as it is text. */
export function quote(sim: Simulator, shown: ShownMessage): proto.IContextInfo {
  const { content } = shown
  const mode = sim.groups.get(shown.chatId)?.addressing ?? (shown.chatId.endsWith('@lid') ? 'lid' : 'pn')
  const conversation = content.type === 'text' ? content.text : 'caption' in content ? (content.caption ?? '') : ''
  return { stanzaId: shown.whatsappId, participant: sim.person(shown.from).jid(mode), quotedMessage: { conversation } }
}
