/** What has become of a message, as its row keeps it: a step is 36 characters, and they stand in the order of their writing. Pure. */

export type StepKind =
  | 'accepted'
  | 'received'
  | 'stored'
  | 'dispatched'
  | 'postponed'
  | 'sent'
  | 'delivered'
  | 'read'
  | 'failed'

export interface Step {
  kind: StepKind
  at: Date
  /** The server that did it. */
  node: string
}

const LETTERS: Record<StepKind, string> = {
  accepted: 'a',
  received: 'i',
  stored: 'k',
  dispatched: 'd',
  postponed: 'p',
  sent: 's',
  delivered: 'v',
  read: 'r',
  failed: 'f',
}
const KINDS = Object.fromEntries(Object.entries(LETTERS).map(([kind, letter]) => [letter, kind as StepKind]))

/** Milliseconds in base 36: enough until the year 5188. */
const TIME_LENGTH = 9
const NODE_PREFIX = 'node_'
const FORM = /([a-z])([0-9a-z]{9})([0-9a-z]{26})/g

export const stepText = ({ kind, at, node }: Step): string =>
  LETTERS[kind] + at.getTime().toString(36).padStart(TIME_LENGTH, '0') + node.slice(NODE_PREFIX.length)

/** Steps of a kind that this version does not know are left out. */
export const stepsIn = (trail: string): Step[] =>
  [...trail.matchAll(FORM)].flatMap(([, letter, time, node]) => {
    const kind = KINDS[letter!]
    return kind ? [{ kind, at: new Date(Number.parseInt(time!, 36)), node: NODE_PREFIX + node }] : []
  })
