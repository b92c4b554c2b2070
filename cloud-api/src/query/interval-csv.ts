import { type Amount, formatAmount, type IntervalRow, quantity } from '@metergate/protocol'

const COLUMNS = [
  'meter',
  'start',
  'end',
  'quantity',
  'unit',
  'register_from',
  'register_to',
  'delta',
  'flag',
  'method',
  'revision',
  'reason',
  'segment',
  'multiplier',
  'coverage_per_mille',
]

/** Intervals as CSV (RFC 4180, UTF-8 with a mark so that spreadsheets read Chinese), one line per counter. */
export function intervalCsv(rows: readonly IntervalRow[]): string {
  const lines = rows.flatMap((row) =>
    row.deltas.map((delta) => [
      row.meter,
      new Date(row.start).toISOString(),
      new Date(row.end).toISOString(),
      delta.quantity,
      quantity(delta.quantity).unit,
      text(delta.from),
      text(delta.to),
      text(delta.delta),
      delta.flag,
      free(delta.method),
      String(row.revision),
      free(row.reason),
      String(row.segment),
      text(row.multiplier),
      String(row.coverage),
    ]),
  )
  return `\uFEFF${[COLUMNS, ...lines].map((line) => line.map(quoted).join(',')).join('\r\n')}\r\n`
}

const text = (value: Amount | null): string => (value ? formatAmount(value) : '')

/** Text typed by people: a leading = + - @ would be run as a formula by a spreadsheet. */
const free = (value: string | undefined): string => (value && /^[=+\-@\t\r]/.test(value) ? `'${value}` : (value ?? ''))

const quoted = (field: string): string => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)
