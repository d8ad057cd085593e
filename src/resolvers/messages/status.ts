/** `pending → sent → delivered → read`, or `failed`. A status never goes back. */
export type MessageStatus = 'pending' | 'sent' | 'delivered' | 'read' | 'failed'

const RANK: Record<MessageStatus, number> = { pending: 0, sent: 1, delivered: 2, read: 3, failed: 4 }

/** What a message is after `next` was heard: `now` when that would be a step back, or when it has failed for good. */
export function advance(now: MessageStatus, next: MessageStatus): MessageStatus {
  // What WhatsApp has taken can be late, but no longer fail.
  if (next === 'failed') return now === 'pending' ? 'failed' : now
  if (now === 'failed') return now
  return RANK[next] > RANK[now] ? next : now
}

/** The states between the two, which a message that gets so far has reached, too: what was read was sent and delivered. */
export function passed(now: MessageStatus, next: MessageStatus): MessageStatus[] {
  if (next === 'failed') return []
  return STATES.filter(state => RANK[state] > RANK[now] && RANK[state] < RANK[next])
}

const STATES = Object.keys(RANK) as MessageStatus[]
