/** Mann-Whitney: how likely two samples as far apart are, if both come from the same source. Pure. */
export function mannWhitney(a: number[], b: number[]): number {
  const all = [...a.map(value => ({ value, first: true })), ...b.map(value => ({ value, first: false }))]
  all.sort((x, y) => x.value - y.value)
  let rankSum = 0
  let ties = 0
  for (let start = 0; start < all.length; ) {
    let end = start
    while (end < all.length && all[end]!.value === all[start]!.value) end++
    const rank = (start + 1 + end) / 2
    for (let i = start; i < end; i++) if (all[i]!.first) rankSum += rank
    ties += (end - start) ** 3 - (end - start)
    start = end
  }
  const [n, m, total] = [a.length, b.length, all.length]
  const u = rankSum - (n * (n + 1)) / 2
  const deviation = Math.sqrt(((n * m) / 12) * (total + 1 - ties / (total * (total - 1))))
  return 2 * (1 - normal(Math.abs(u - (n * m) / 2) / deviation))
}

/** The normal distribution up to z > 0 (Abramowitz and Stegun 26.2.17, to 1e-7). */
function normal(z: number): number {
  const t = 1 / (1 + 0.2316419 * z)
  const tail = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  return 1 - (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * tail
}
