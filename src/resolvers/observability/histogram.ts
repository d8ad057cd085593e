/** Times of calls, sorted into steps: two counts of them can be added, and tell what share of the calls took how long. */

/** Where steps end, in ms; the last step has no end. `api_rollup` has a column for each step. */
export const ENDS_MS = [
  1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 5000, 10_000, 30_000,
]

export const STEPS = ENDS_MS.length + 1

export function stepOf(ms: number): number {
  const step = ENDS_MS.findIndex(endMs => ms < endMs)
  return step === -1 ? ENDS_MS.length : step
}

/** The time below which this share of the calls stayed, as if they lay evenly within their step; 0: there are none. */
export function quantileMs(counts: readonly number[], share: number): number {
  const wanted = counts.reduce((sum, count) => sum + count, 0) * share
  if (wanted === 0) return 0
  let below = 0
  for (const [step, count] of counts.entries()) {
    if (below + count >= wanted) {
      const startMs = ENDS_MS[step - 1] ?? 0
      const endMs = ENDS_MS[step] ?? startMs
      return Math.round((startMs + ((endMs - startMs) * (wanted - below)) / count) * 10) / 10
    }
    below += count
  }
  return ENDS_MS.at(-1)!
}
