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

/** Rows as CSV (RFC 4180) with a header line. */
export function csv(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text)
  return [header, ...rows].map((row) => `${row.map(quoted).join(',')}\r\n`).join('')
}

/** Rows of CSV text (RFC 4180); a byte order mark and blank lines are skipped. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = []
  const cells = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r?\n|$)/y
  let row: string[] = []
  const source = text.replace(/^\uFEFF/, '')
  while (cells.lastIndex < source.length) {
    const match = cells.exec(source)
    // A quote in the middle of a cell: taken as it stands rather than losing the rest of the file.
    if (!match) return [...rows, [...row, source.slice(cells.lastIndex)]]
    const cell = match[1] ?? ''
    row.push(cell.startsWith('"') ? cell.slice(1, -1).replace(/""/g, '"') : cell.trim())
    if (match[2] === ',') continue
    if (row.some((value) => value !== '')) rows.push(row)
    row = []
  }
  if (row.length > 0) rows.push(row)
  return rows
}
