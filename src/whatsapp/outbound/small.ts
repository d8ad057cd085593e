import { USyncQuery, USyncUser, type WASocket } from '@whiskeysockets/baileys'
import { addressOf, isGroup, parseJid } from '../jid.ts'
import type { Address, LookUpOutcome, PresenceState, ReadMessages, SendOutcome } from '../whatsapp.ts'

/** What is no message: receipts, typing, questions. None of it throws. */

/** WhatsApp takes a list of bounded length in one receipt. */
const IDS_AT_ONCE = 200
const MAX_PHONES = 100

export const markRead = (socket: WASocket, { chat, sender, whatsappIds }: ReadMessages): Promise<SendOutcome> =>
  written(async () => {
    const participant = isGroup(chat) ? { participant: sender } : {}
    for (let from = 0; from < whatsappIds.length; from += IDS_AT_ONCE) {
      const ids = whatsappIds.slice(from, from + IDS_AT_ONCE)
      await socket.readMessages(ids.map(id => ({ remoteJid: chat, id, fromMe: false, ...participant })))
    }
  })

export const presence = (
  socket: WASocket,
  { chat, state }: { chat: string; state: PresenceState },
): Promise<SendOutcome> => written(() => socket.sendPresenceUpdate(state, chat))

async function written(work: () => Promise<unknown>): Promise<SendOutcome> {
  try {
    await work()
    return { kind: 'written' }
  } catch (error) {
    return { kind: 'failed', message: error instanceof Error ? error.message : String(error) }
  }
}

type Found = { asked: string | null; address: Address }

/**
 * WhatsApp may answer with another number than was asked (the ninth digit of Brazil) and Baileys does not say for
 * which. What fits no question is asked for once more, alone.
 */
export async function lookUp(socket: WASocket, phones: string[]): Promise<LookUpOutcome> {
  const asked = [...new Set(phones.map(phone => phone.replace(/\D/g, '')).filter(Boolean))].slice(0, MAX_PHONES)
  try {
    const all = await ask(socket, asked)
    const found = all.flatMap(({ asked: phone, address }) => (phone ? [{ phone, address }] : []))
    const known = new Set(found.map(({ phone }) => phone))
    for (const phone of asked.filter(phone => !known.has(phone))) {
      // Each answer has its question now: the others are not there.
      if (found.length >= all.length) break
      const [one] = await ask(socket, [phone])
      if (one) found.push({ phone, address: one.address })
    }
    return { kind: 'answered', found }
  } catch (error) {
    return { kind: 'failed', message: error instanceof Error ? error.message : String(error) }
  }
}

async function ask(socket: WASocket, phones: string[]): Promise<Found[]> {
  if (phones.length === 0) return []
  const query = new USyncQuery().withContactProtocol().withLIDProtocol()
  for (const phone of phones) query.withUser(new USyncUser().withPhone(`+${phone}`))
  const answer = await socket.executeUSyncQuery(query)
  if (!answer) throw new Error('WhatsApp did not answer')
  return answer.list
    .filter(user => user.contact)
    .map(user => {
      const digits = parseJid(user.id)?.user
      const lid = typeof user.lid === 'string' && user.lid ? user.lid : undefined
      return { asked: phones.find(phone => phone === digits) ?? null, address: addressOf(user.id, lid) }
    })
}
