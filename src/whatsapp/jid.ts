import type { Address } from './whatsapp.ts'

/** The rules of WhatsApp's ids that this room needs: `user[_agent][:device]@server`. */

/** Older and newer names for the servers of people: `hosted` are devices that Meta runs for a business. */
const SAME_SERVER: Record<string, string> = {
  'c.us': 's.whatsapp.net',
  hosted: 's.whatsapp.net',
  'hosted.lid': 'lid',
}

export interface Jid {
  user: string
  server: string
}

/** Jids come from strangers, too, and go into keys of the database. */
const USER = /^[\w.+-]{1,64}$/
const SERVER = /^[a-z.]{1,32}$/

export function parseJid(text: string | undefined): Jid | null {
  const at = text?.indexOf('@') ?? -1
  if (!text || at < 1 || at > 128) return null
  const user = text.slice(0, at).split(':')[0]!.split('_')[0]!
  const server = text.slice(at + 1)
  return USER.test(user) && SERVER.test(server) ? { user, server: SAME_SERVER[server] ?? server } : null
}

/** Without a device number; null when the text is no id of a user or chat. */
export function plainJid(text: string | undefined): string | null {
  const jid = parseJid(text)
  return jid && `${jid.user}@${jid.server}`
}

export const isLid = (jid: string): boolean => jid.endsWith('@lid')
export const isPhone = (jid: string): boolean => jid.endsWith('@s.whatsapp.net')
export const isGroup = (jid: string): boolean => jid.endsWith('@g.us')
export const isPerson = (jid: string): boolean => isLid(jid) || isPhone(jid)

export const sameUser = (a: string | null | undefined, b: string | null | undefined): boolean =>
  !!a && !!b && plainJid(a) === plainJid(b)

/** Joins what a stanza said about one party: its jid, and perhaps its other name. */
export function addressOf(jid: string, other?: string): Address {
  const plain = plainJid(jid) ?? jid
  const names = [plain, plainJid(other) ?? '']
  return { jid: plain, lid: names.find(isLid) ?? null, phone: names.find(isPhone) ?? null }
}

/** `+` and digits, of a phone jid. */
export const phoneNumberOf = (jid: string | undefined): string | null => {
  const plain = parseJid(jid)
  return plain?.server === 's.whatsapp.net' ? `+${plain.user}` : null
}
