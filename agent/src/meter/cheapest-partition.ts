interface Best {
  readonly cost: number
  readonly groups: number
  readonly start: number
}

/** Prices that differ by less than a nanosecond are the same. */
const SAME = 1e-6

/**
 * Cuts a sorted list into runs so that the sum of the runs' costs is least; of equal sums the fewer runs. Every single
 * element must be legal on its own. Dynamic programming over the end of the last run: n² prices for n elements.
 */
export function cheapestPartition<T>(
  sorted: readonly T[],
  isLegal: (run: readonly T[]) => boolean,
  costOf: (run: readonly T[]) => number,
): T[][] {
  const best: Best[] = [{ cost: 0, groups: 0, start: 0 }]
  for (let end = 1; end <= sorted.length; end++) {
    let winner: Best | undefined
    for (let start = end - 1; start >= 0; start--) {
      const before = best[start]
      const run = sorted.slice(start, end)
      // What is too wide, or spans what must not be spanned, stays so when it grows.
      if (!before || !isLegal(run)) break
      const candidate = { cost: before.cost + costOf(run), groups: before.groups + 1, start }
      if (!winner || isBetter(candidate, winner)) winner = candidate
    }
    best.push(winner ?? { cost: Number.POSITIVE_INFINITY, groups: 0, start: end - 1 })
  }
  const runs: T[][] = []
  for (let end = sorted.length; end > 0; end = best[end]?.start ?? 0)
    runs.unshift(sorted.slice(best[end]?.start ?? 0, end))
  return runs
}

function isBetter(a: Best, b: Best): boolean {
  return a.cost < b.cost - SAME || (Math.abs(a.cost - b.cost) <= SAME && a.groups < b.groups)
}
