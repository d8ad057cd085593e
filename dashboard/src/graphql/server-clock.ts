/** The server's clock, as its answers tell it: codes expire by that one, and the browser's may be wrong. */

let aheadMs = 0

export function noteServerTime(date: string | null): void {
  const serverMs = date === null ? Number.NaN : Date.parse(date)
  if (Number.isNaN(serverMs)) return
  const differenceMs = serverMs - Date.now()
  // The header tells whole seconds: less than that is no difference.
  aheadMs = Math.abs(differenceMs) > 2000 ? differenceMs : 0
}

export const serverNowMs = (): number => Date.now() + aheadMs
