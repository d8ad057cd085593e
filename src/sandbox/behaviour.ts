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

interface Character extends Partial<Behaviour> {
  name: string
}

const MAGIC: Record<string, Character> = {
  '01': { name: 'Bruno' },
  '02': { name: 'Ana', reaction: 'echo' },
  '03': { name: 'Carla', readAfterMs: null },
  '04': { name: 'Diego', registered: false },
  '05': { name: 'Elena', reaction: 'image' },
  '06': { name: 'Fábio', deliverAfterMs: SLOW_MS, readAfterMs: SLOW_MS + 150 },
  '07': { name: 'Gina', reaction: 'logout' },
  '08': { name: 'Hugo', reaction: 'drop' },
  '10': { name: 'Irene', refuseWith: RATE_LIMIT },
}

function characterOf(phoneNumber: string): Character | undefined {
  const isMagic = phoneNumber.startsWith(MAGIC_PREFIX) && phoneNumber.length === MAGIC_PREFIX.length + 2
  return isMagic ? MAGIC[phoneNumber.slice(MAGIC_PREFIX.length)] : undefined
}

/** What people call themselves, until a phone's address book says otherwise. */
export const nameOf = (phoneNumber: string): string =>
  characterOf(phoneNumber)?.name ?? `Contact ${phoneNumber.slice(-4)}`

/** Numbers +55 11 90000-00NN have a character of their own; all others have the usual one. */
export function behaviourOf(phoneNumber: string, usual: Behaviour): Behaviour {
  const { name, ...own } = characterOf(phoneNumber) ?? {}
  return { ...usual, ...own }
}
