/** The middle of an odd number of figures. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}

export const round = (value: number, digits = 2): number => Math.round(value * 10 ** digits) / 10 ** digits

/** One line of a bench's table: what was measured, and the figures by column. */
export type Row = Readonly<Record<string, string | number>>

export interface BenchResult {
  readonly title: string
  /** How it was measured, in a sentence or two. */
  readonly how: string
  readonly rows: readonly Row[]
}

/** A table for the terminal; columns as the rows name them. */
export function tableText({ title, how, rows }: BenchResult): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const cells = [columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? '')))]
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)))
  const lines = cells.map((line) =>
    line
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0)))
      .join('  '),
  )
  const [head = '', ...body] = lines
  return [title, how, '', head, '-'.repeat(head.length), ...body, ''].join('\n')
}
