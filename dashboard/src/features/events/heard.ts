/** What a page of events has heard: the newest that it keeps, and of how many. */
export interface Heard<Event> {
  /** Newest first. */
  events: Event[]
  count: number
}

export const NOTHING: Heard<never> = { events: [], count: 0 }

/** A page with more stands still. */
export const KEPT_MAX = 500

/** The socket tells again, after it was away, what it may have told before. */
export function joined<Event extends { id: string; timestamp: string }>(
  newer: Heard<Event>,
  before: Heard<Event>,
): Heard<Event> {
  const all = new Map([...newer.events, ...before.events].map(each => [each.id, each]))
  const told = newer.events.length + before.events.length - all.size
  const events = [...all.values()].sort((a, b) => (a.timestamp < b.timestamp ? 1 : a.timestamp > b.timestamp ? -1 : 0))
  return { events: events.slice(0, KEPT_MAX), count: newer.count + before.count - told }
}
