/** How a contact behaves of its own accord. */
export interface Behaviour {
  /** False: the number is not on WhatsApp. */
  registered: boolean
  /** After the message came in; null: never. */
  deliverAfterMs: number | null
  readAfterMs: number | null
  /** What happens when a message comes for the first time. */
  reaction?: 'echo' | 'image' | 'logout' | 'drop'
  /** The server refuses messages to this contact with this code. */
  refuseWith?: number
}

export const DEFAULT_BEHAVIOUR: Behaviour = { registered: true, deliverAfterMs: 50, readAfterMs: 200 }

const MAGIC_PREFIX = '55119000000'
const SLOW_MS = 30_000
/** The code of `rate-overlimit`. */
const RATE_LIMIT = 429

const MAGIC: Record<string, Partial<Behaviour>> = {
  '01': {},
  '02': { reaction: 'echo' },
  '03': { readAfterMs: null },
  '04': { registered: false },
  '05': { reaction: 'image' },
  '06': { deliverAfterMs: SLOW_MS, readAfterMs: SLOW_MS + 150 },
  '07': { reaction: 'logout' },
  '08': { reaction: 'drop' },
  '10': { refuseWith: RATE_LIMIT },
}

/** Numbers +55 11 90000-00NN have a character of their own; all others have the usual one. */
export function behaviourOf(phoneNumber: string, usual: Behaviour): Behaviour {
  if (!phoneNumber.startsWith(MAGIC_PREFIX) || phoneNumber.length !== MAGIC_PREFIX.length + 2) return usual
  return { ...usual, ...MAGIC[phoneNumber.slice(MAGIC_PREFIX.length)] }
}
