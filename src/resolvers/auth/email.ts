/** What an e-mail address may look like, and its one spelling. Pure. */

// HTML's own rule for addresses, with a dot in the domain. ASCII alone: no two spellings of one mailbox.
const ADDRESS =
  /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$/

const MAX_LENGTH = 254

/** In lower case, without spaces around; null when it is no address. */
export function emailOf(text: string): string | null {
  if (text.length > MAX_LENGTH + 50) return null
  const email = text.trim().toLowerCase()
  return email.length <= MAX_LENGTH && ADDRESS.test(email) ? email : null
}
