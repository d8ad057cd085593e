/** A month of a tenant: from its start, up to its end and without it. */
export interface Cycle {
  start: Date
  end: Date
}

/**
 * The cycle in which an instant lies. Months are counted from the anchor, in UTC, and always from the anchor itself: one
 * of the 31st goes on to the last of shorter months and comes back to the 31st. Before the anchor there was no cycle:
 * what a clock that was set back puts there belongs to the first.
 */
export function cycleOf(anchor: Date, at: Date): Cycle {
  const months = (at.getUTCFullYear() - anchor.getUTCFullYear()) * 12 + at.getUTCMonth() - anchor.getUTCMonth()
  const reached = after(anchor, months) <= at ? months : months - 1
  const index = Math.max(0, reached)
  return { start: after(anchor, index), end: after(anchor, index + 1) }
}

/** The anchor, so many months on, on the last day of the month where its own day is missing. */
function after(anchor: Date, months: number): Date {
  const date = new Date(anchor)
  date.setUTCDate(1)
  date.setUTCMonth(anchor.getUTCMonth() + months)
  date.setUTCDate(Math.min(anchor.getUTCDate(), daysIn(date)))
  return date
}

const daysIn = (date: Date): number => new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
