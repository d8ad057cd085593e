/**
 * The server's clock, as its answers tell it: codes expire by that one, and the browser's may be wrong. An answer tells a whole second,
 * and was made between its question and its arrival, however slow the way was: that bounds how far ahead the server is.
 */
let leastMs = Number.NEGATIVE_INFINITY
let mostMs = Number.POSITIVE_INFINITY

export function noteServerTime(date: string | null, sentMs: number): void {
  const serverMs = date === null ? Number.NaN : Date.parse(date)
  if (Number.isNaN(serverMs)) return
  const [least, most] = [serverMs - Date.now(), serverMs + 1000 - sentMs]
  const agrees = least <= mostMs && most >= leastMs
  // Otherwise a clock was set meanwhile.
  leastMs = agrees ? Math.max(least, leastMs) : least
  mostMs = agrees ? Math.min(most, mostMs) : most
}

/** When in doubt, the later: nothing that has expired is shown. */
export const serverNowMs = (): number => Date.now() + (leastMs <= 0 && mostMs >= 0 ? 0 : mostMs)
