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
  /** What the figures are to reach, each with its verdict. */
  readonly targets?: readonly Target[]
}

/** A figure against its bound, in the unit of `what`. */
export interface Target {
  readonly what: string
  readonly figure: number
  readonly bound: number
  /** `at_most` unless said. */
  readonly is?: 'at_most' | 'at_least'
}

export const isMet = ({ figure, bound, is = 'at_most' }: Target): boolean =>
  is === 'at_most' ? figure <= bound : figure >= bound

const targetText = (target: Target): string =>
  `${isMet(target) ? 'pass  ' : 'MISSED'}  ${target.what}: ${target.figure} (${target.is === 'at_least' ? 'at least' : 'at most'} ${target.bound})`

/** A table for the terminal; columns as the rows name them. */
export function tableText({ title, how, rows, targets = [] }: BenchResult): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const cells = [columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? '')))]
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)))
  const lines = cells.map((line) =>
    line
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0)))
      .join('  '),
  )
  const [head = '', ...body] = lines
  const verdicts = targets.length > 0 ? ['', ...targets.map(targetText)] : []
  return [title, how, '', head, '-'.repeat(head.length), ...body, ...verdicts, ''].join('\n')
}
