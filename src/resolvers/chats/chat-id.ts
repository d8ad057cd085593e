/** What names a chat or a phone, in the forms that callers write. Pure. */

/**
 * Digits of a phone number in international form (8 to 15), or null. Spaces, dots, hyphens and parentheses may stand
 * between. No country's code begins with 0: such a number is a local one, and would reach a stranger.
 */
export function phoneDigits(written: string): string | null {
  if (!/^\+?[\d .()-]+$/.test(written)) return null
  const digits = written.replace(/\D/g, '')
  return /^[1-9]\d{7,14}$/.test(digits) ? digits : null
}

/** The jid of a chat, or null when it names none. A phone number becomes `…@s.whatsapp.net`. */
export function chatJid(written: string): string | null {
  if (/^\d{5,20}@(s\.whatsapp\.net|lid)$/.test(written)) return written
  if (/^\d{5,30}(-\d{5,20})?@g\.us$/.test(written)) return written
  const digits = phoneDigits(written)
  return digits && `${digits}@s.whatsapp.net`
}

/** `+5511…` of a phone jid; null for every other. */
export function phoneOf(jid: string): string | null {
  return jid.endsWith('@s.whatsapp.net') ? `+${jid.slice(0, jid.indexOf('@'))}` : null
}

/** The one name that a jid is. */
export function namesOfJid(jid: string): { groupJid: string | null; phone: string | null; lid: string | null } {
  return {
    groupJid: jid.endsWith('@g.us') ? jid : null,
    phone: jid.endsWith('@s.whatsapp.net') ? jid : null,
    lid: jid.endsWith('@lid') ? jid : null,
  }
}
