import type { Paint } from './terminal.js'
import { columnsOf, pad } from './width.js'

export interface Column {
  readonly title: string
  /** Numbers stand right. */
  readonly align?: 'left' | 'right'
}

/** A cell, perhaps painted; the paint takes no columns. */
export type Cell = string | { readonly text: string; readonly paint: keyof Paint }

const GAP = '  '

/** Lines of an aligned table with a title line; no blanks at line ends. */
export function table(columns: readonly Column[], rows: readonly (readonly Cell[])[], paint: Paint): string {
  const widths = columns.map(({ title }, index) =>
    Math.max(columnsOf(title), ...rows.map((row) => columnsOf(textOf(row[index])))),
  )
  const line = (cells: readonly Cell[]): string =>
    columns
      .map(({ align = 'left' }, index) => {
        const cell = cells[index] ?? ''
        const padded = pad(textOf(cell), widths[index] ?? 0, align)
        // The last column is not filled up, so that copied lines carry no blanks.
        const text = index === columns.length - 1 ? padded.trimEnd() : padded
        return typeof cell === 'string' ? text : paint[cell.paint](text)
      })
      .join(GAP)
      .trimEnd()
  const head = line(columns.map(({ title }): Cell => ({ text: title, paint: 'faint' })))
  return [head, ...rows.map(line)].map((text) => `${text}\n`).join('')
}

/** Lines of `name  value`. */
export function facts(pairs: readonly (readonly [name: string, value: Cell])[], paint: Paint): string {
  const width = Math.max(0, ...pairs.map(([name]) => columnsOf(name)))
  return pairs
    .map(([name, value]) => {
      const text = typeof value === 'string' ? value : paint[value.paint](value.text)
      return `${paint.faint(pad(name, width, 'left'))}${GAP}${text}`.trimEnd()
    })
    .map((text) => `${text}\n`)
    .join('')
}

const textOf = (cell: Cell | undefined): string => (typeof cell === 'object' ? cell.text : (cell ?? ''))
