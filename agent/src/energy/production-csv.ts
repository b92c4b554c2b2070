import { type EpochMs, epochMs, type ProductId, parseAmount, productIdSchema } from '@metergate/protocol'
import type { PlantZone } from './plant-time.js'
import type { Declaration } from './production.js'

/** One thing wrong in a file, for the person who will mend it. `line` counts from 1, the heading included. */
export interface CsvFault {
  readonly line: number
  readonly column: string
  readonly value: string
  readonly why: string
}

export interface CsvImport {
  readonly declarations: readonly Declaration[]
  readonly faults: readonly CsvFault[]
}

const REQUIRED = ['product', 'from', 'to', 'count'] as const
const COLUMNS = [...REQUIRED, 'unit', 'shift', 'note'] as const
type Column = (typeof COLUMNS)[number]

/** What a product's pieces are called, by product; an unknown product is a fault. */
export type ProductUnits = ReadonlyMap<ProductId, string>

/**
 * Reads declared production from CSV: a heading with product, from, to, count and perhaps unit, shift, note in any
 * order; times on the plant's clock (`2026-03-10 08:00`) or with an offset. Nothing is stored: the caller shows the
 * faults first, and imports only a file without any.
 */
export function readProductionCsv(text: string, zone: PlantZone, units: ProductUnits): CsvImport {
  const [heading = [], ...rows] = csvRows(text)
  const columns = heading.map((name) => name.trim().toLowerCase())
  const missing = REQUIRED.filter((name) => !columns.includes(name))
  const strange = columns.filter((name) => !isColumn(name))
  const headingFaults = [
    ...missing.map((column) => ({ line: 1, column, value: '', why: `no column "${column}" in the heading` })),
    ...strange.map((column) => ({
      line: 1,
      column,
      value: column,
      why: `unknown column; known: ${COLUMNS.join(', ')}`,
    })),
  ]
  if (headingFaults.length) return { declarations: [], faults: headingFaults }
  const declarations: Declaration[] = []
  const faults: CsvFault[] = []
  rows.forEach((cells, index) => {
    if (cells.every((cell) => cell.trim() === '')) return
    const cell = (column: Column) => cells[columns.indexOf(column)]?.trim() ?? ''
    const read = readRow(cell, zone, units)
    if ('faults' in read) faults.push(...read.faults.map((fault) => ({ line: index + 2, ...fault })))
    else declarations.push(read)
  })
  return { declarations, faults }
}

const isColumn = (name: string): name is Column => COLUMNS.some((column) => column === name)

function readRow(
  cell: (column: Column) => string,
  zone: PlantZone,
  units: ProductUnits,
): Declaration | { readonly faults: readonly Omit<CsvFault, 'line'>[] } {
  const product = productIdSchema.safeParse(cell('product'))
  const usual = product.success ? units.get(product.data) : undefined
  const start = readTime(cell('from'), zone)
  const end = readTime(cell('to'), zone)
  const count = parseAmount(cell('count'))
  const fault = (column: Column, why: string) => ({ column, value: cell(column), why })
  const faults = [
    ...(usual === undefined ? [fault('product', `no such product; known: ${[...units.keys()].join(', ')}`)] : []),
    ...(start === undefined ? [fault('from', 'not a time such as 2026-03-10 08:00')] : []),
    ...(end === undefined ? [fault('to', 'not a time such as 2026-03-10 16:00')] : []),
    ...(start !== undefined && end !== undefined && end <= start ? [fault('to', 'is not after "from"')] : []),
    ...(count === undefined || count.n < 0 ? [fault('count', 'not a number from 0 on, such as 1200')] : []),
    ...(cell('unit') && usual && cell('unit') !== usual ? [fault('unit', `this product is counted in ${usual}`)] : []),
    ...(cell('shift').length > 16 ? [fault('shift', 'longer than 16 characters')] : []),
    ...(cell('note').length > 200 ? [fault('note', 'longer than 200 characters')] : []),
  ]
  if (faults.length || !product.success || usual === undefined || start === undefined || end === undefined || !count) {
    return { faults }
  }
  const [shift, note] = [cell('shift'), cell('note')]
  return { product: product.data, start, end, count, unit: usual, ...(shift && { shift }), ...(note && { note }) }
}

/** An instant from civil time of the plant, or from ISO 8601 with an offset. */
export function readTime(text: string, zone: PlantZone): EpochMs | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})[ T](\d{2}):(\d{2})(?::00)?(Z|[+-]\d{2}:\d{2})?$/.exec(text)
  if (!match) return undefined
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = match.slice(1, 6).map(Number)
  const isReal = new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day && month >= 1 && month <= 12
  if (!isReal || hour > 24 || minute > 59 || hour * 60 + minute > 1440) return undefined
  if (!match[6]) return zone.instant(year, month, day, hour * 60 + minute)
  const parsed = Date.parse(text.replace(' ', 'T'))
  return Number.isNaN(parsed) ? undefined : epochMs(parsed)
}

/** RFC 4180: commas, quotes doubled inside quotes; lines end with LF or CRLF, a byte-order mark is skipped. */
export function csvRows(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  let cell = ''
  let isQuoted = false
  const source = text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n')
  for (let index = 0; index < source.length; index++) {
    const char = source[index] ?? ''
    if (isQuoted) {
      if (char !== '"') cell += char
      else if (source[index + 1] === '"') cell += source[++index] ?? ''
      else isQuoted = false
    } else if (char === '"' && cell === '') isQuoted = true
    else if (char === ',' || char === '\n') {
      row.push(cell)
      cell = ''
      if (char === '\n') {
        rows.push(row)
        row = []
      }
    } else cell += char
  }
  if (cell !== '' || row.length) rows.push([...row, cell])
  return rows
}
