/** Record numbers, both ends included. */
export type NumberRange = readonly [first: number, last: number]

/** Numbers from `first` to `last` that are in none of the ranges, which are in the order of their beginnings. */
export function complement(ranges: readonly NumberRange[], first: number, last: number): NumberRange[] {
  const free: NumberRange[] = []
  let next = first
  for (const [from, to] of ranges) {
    if (from > next) free.push([next, Math.min(from - 1, last)])
    next = Math.max(next, to + 1)
  }
  if (next <= last) free.push([next, last])
  return free.filter(([from, to]) => from <= to)
}

export const intersection = ([a, b]: NumberRange, [c, d]: NumberRange): NumberRange[] =>
  Math.max(a, c) <= Math.min(b, d) ? [[Math.max(a, c), Math.min(b, d)]] : []

export function union(ranges: readonly NumberRange[]): NumberRange[] {
  const joined: [number, number][] = []
  for (const [first, last] of [...ranges].sort(([a], [b]) => a - b)) {
    const before = joined.at(-1)
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last)
    else joined.push([first, last])
  }
  return joined
}
