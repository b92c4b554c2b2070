/** Known names that look like `wrong`, nearest first: few edits apart, or one holding the other. */
export function nearest(wrong: string, known: readonly string[], most = 3): string[] {
  const plain = (name: string): string => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
  const target = plain(wrong)
  if (target === '') return []
  const near = known.map((name) => ({ name, distance: looks(target, plain(name)) }))
  return near
    .filter(({ distance }) => distance <= 0.45)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, most)
    .map(({ name }) => name)
}

/** 0 for the same word, 1 for nothing in common. */
function looks(a: string, b: string): number {
  if (a === b) return 0
  const shorter = Math.min(a.length, b.length)
  const longer = Math.max(a.length, b.length)
  // Something left out is nearer than something written wrongly.
  if (shorter >= 3 && (a.includes(b) || b.includes(a))) return Math.min(0.2, (longer - shorter) / longer / 2)
  return edits(a, b) / longer
}

/** Optimal string alignment distance: insert, delete, replace, swap two neighbours. */
function edits(a: string, b: string): number {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1]
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      current[column] = Math.min(
        (above[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (before[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      )
    }
    before = above
    above = current
  }
  return above[b.length] ?? 0
}
