import { z } from 'zod'
import { meterIdSchema } from '../ids.js'
import { invariant } from '../invariant.js'
import { type QuantityName, quantityNameSchema } from '../quantity/quantity.js'
import type { BootId } from '../time.js'
import { decodeBeside, encodeBeside, LEAST_ROWS, type Numbers } from './beside.js'
import { isObject, type Json } from './canonical.js'
import { decodeColumn, decodeIntegers, encodeColumn } from './columns.js'
import { decodeDerived, encodeDerived, isDerived, type Law, lawFor, lawForFormat2, NAME_COSTS } from './derived.js'
import type { BatchFormat } from './header.js'
import { WIRE_LIMITS } from './limits.js'
import { NUMBERED_QUANTITIES, numberOf } from './quantity-numbers.js'
import {
  ABSENCE_REASONS,
  type AbsenceReason,
  type Numbered,
  type ReadingRecord,
  type ReadingValue,
  readingRecordSchema,
} from './records.js'
import { decodeSeqs, decodeStamps, encodeRowHead } from './row-head.js'

const numberedSchema = z.number().transform((number, context): QuantityName => {
  const name = NUMBERED_QUANTITIES[number]
  if (name) return name
  context.addIssue({ code: 'custom', message: `no quantity has the number ${number}` })
  return z.NEVER
})
/** What the value columns of a reading table are. Meters of one model share one layout, so it stands apart, once. */
const layoutSchema = z
  .strictObject({
    quantity: z.array(z.union([quantityNameSchema, numberedSchema])).max(WIRE_LIMITS.columns),
    block: z.array(z.number().int().min(0)),
    /** Decimal exponent of each column; null where no value was ever present. */
    exp: z.array(z.number().int().min(-12).max(12).nullable()),
  })
  .refine(({ quantity, block, exp }) => quantity.length === block.length && block.length === exp.length)
export type Layout = z.infer<typeof layoutSchema>

/** What a writer may do in each format; a reader understands all of it in any. */
const FORMS = {
  'metergate-batch/1': {
    name: (quantity: QuantityName) => quantity,
    lawFor: () => undefined,
    lawMayCost: 0,
    besideFromRows: LEAST_ROWS,
  },
  'metergate-batch/2': { name: numberOf, lawFor: lawForFormat2, lawMayCost: 0, besideFromRows: 4 },
  'metergate-batch/3': { name: numberOf, lawFor, lawMayCost: NAME_COSTS, besideFromRows: 4 },
} as const satisfies Record<BatchFormat, unknown>

/** Readings of one group of one meter that share their columns and exponents. */
interface OpenTable {
  readonly exps: (number | null)[]
  readonly rows: Numbered<ReadingRecord>[]
}

/** Sorts readings into tables. One whose exponents do not fit opens the next table of the same columns. */
export class ReadingTables {
  private readonly open = new Map<string, OpenTable>()
  private readonly all: OpenTable[] = []

  add(row: Numbered<ReadingRecord>): void {
    const { meter, group, blocks, values } = row.record
    const key = JSON.stringify([meter, group, blocks.length, values.map((each) => [each.quantity, each.block])])
    const exps = values.map((each) => ('value' in each ? each.value.exp : null))
    let table = this.open.get(key)
    if (!table || !fits(table.exps, exps)) {
      table = { exps: exps.map(() => null), rows: [] }
      this.open.set(key, table)
      this.all.push(table)
    }
    for (const [column, exp] of exps.entries()) if (exp !== null) table.exps[column] = exp
    table.rows.push(row)
  }

  /** The layouts used, each once, and the tables that name them by index. */
  encode(
    bootIndex: ReadonlyMap<BootId, number>,
    format: BatchFormat,
  ): { readonly layouts: Json[]; readonly tables: Json[] } {
    const layouts = new Map<string, { readonly index: number; readonly layout: Json }>()
    const tables = this.all.map((table) => {
      const layout = layoutOf(table, format)
      const key = JSON.stringify(layout)
      const known = layouts.get(key) ?? { index: layouts.size, layout }
      layouts.set(key, known)
      return encodeTable(table, known.index, bootIndex, format)
    })
    return { layouts: [...layouts.values()].map((each) => each.layout), tables }
  }
}

const fits = (known: readonly (number | null)[], exps: readonly (number | null)[]): boolean =>
  exps.every((exp, column) => exp === null || known[column] === null || known[column] === exp)

function layoutOf(table: OpenTable, format: BatchFormat): Json {
  const values = table.rows[0]?.record.values ?? []
  const { name } = FORMS[format]
  return {
    quantity: values.map((each) => name(each.quantity)),
    block: values.map((each) => each.block),
    exp: table.exps,
  }
}

function encodeTable(
  { rows, exps }: OpenTable,
  layout: number,
  bootIndex: ReadonlyMap<BootId, number>,
  format: BatchFormat,
): Json {
  const [first] = rows
  invariant(first, 'a reading table without rows')
  const { meter, group, blocks, values } = first.record
  const suspect = suspectRuns(rows)
  return {
    kind: 'reading',
    meter,
    group,
    rows: rows.length,
    layout,
    ...encodeRowHead(rows, bootIndex),
    blocks: blocks.map((_, block) => encodeColumn(rows.map((row) => row.record.blocks[block] ?? null))),
    values: encodeValues(
      values.map(({ quantity }) => quantity),
      exps,
      values.map((_, column) => rows.map((row) => cellOf(row.record.values[column]))),
      format,
    ),
    ...(suspect.length > 0 ? { suspect } : {}),
  }
}

/** All value columns; each may lean on those before it. */
function encodeValues(
  quantities: readonly string[],
  exps: readonly (number | null)[],
  columns: readonly (readonly Cell[])[],
  format: BatchFormat,
): Json[] {
  const forms = FORMS[format]
  const earlier: (Numbers | undefined)[] = []
  return columns.map((cells, column) => {
    const plain = encodeCells(cells)
    const numbers = cells.every((cell) => typeof cell === 'number') ? cells : undefined
    const phases = phasesOf(quantities, column)
    const beside = numbers ? encodeBeside(numbers, plain, earlier, phases, forms.besideFromRows) : plain
    const law = forms.lawFor(quantities, exps, column)
    const written = numbers ? encodeDerived(numbers, beside, earlier, law, forms.lawMayCost) : plain
    earlier.push(numbers)
    return written
  })
}

/** Columns of the three phases of a total that stand before it. */
function phasesOf(quantities: readonly string[], column: number): readonly number[] | undefined {
  const name = quantities[column]
  if (!name?.endsWith('_total')) return undefined
  const phases = [1, 2, 3].map((phase) => quantities.indexOf(name.replace(/_total$/, `_l${phase}`)))
  return phases.every((phase) => phase >= 0 && phase < column) ? phases : undefined
}

/** The integer of a value, or the reason it is absent. */
type Cell = number | AbsenceReason

function cellOf(value: ReadingValue | undefined): Cell {
  invariant(value, 'a reading shorter than its table')
  return 'absent' in value ? value.absent : value.value.n
}

/**
 * Cells of one column. Absences stand apart as `[row, count, reason]`, so that the integers around them still have
 * small differences; a column that is absent throughout is just its reasons.
 */
function encodeCells(cells: readonly Cell[]): Json {
  const present = cells.filter((cell) => typeof cell === 'number')
  if (present.length === cells.length || present.length === 0) return encodeColumn(cells)
  const absent: [row: number, count: number, reason: string][] = []
  for (const [row, cell] of cells.entries()) {
    if (typeof cell === 'number') continue
    const run = absent.at(-1)
    if (run && run[2] === cell && run[0] + run[1] === row) run[1] += 1
    else absent.push([row, 1, cell])
  }
  return { of: encodeColumn(present), absent }
}

function decodeValues(
  columns: readonly unknown[],
  rows: number,
  layout: Layout,
): readonly (readonly Cell[] | undefined)[] {
  const earlier: (Numbers | undefined)[] = []
  return columns.map((column, index) => {
    const cells = decodeValue(column, rows, earlier, () => lawFor(layout.quantity, layout.exp, index))
    earlier.push(cells?.every((cell) => typeof cell === 'number') ? cells : undefined)
    return cells
  })
}

function decodeValue(
  column: unknown,
  rows: number,
  earlier: readonly (Numbers | undefined)[],
  law: () => Law | undefined,
): readonly Cell[] | undefined {
  if (isDerived(column)) return decodeDerived(column, rows, earlier, law())
  return isBeside(column) ? decodeBeside(column, rows, earlier) : decodeCells(column, rows)
}

const isBeside = (column: unknown): boolean => isObject(column) && 'plus' in column

function decodeCells(column: unknown, rows: number): readonly Cell[] | undefined {
  if (!isObject(column) || !('of' in column)) return decodeColumn(column, rows)?.map(asCell).filter(isCell)
  const cells = new Array<Cell | undefined>(rows).fill(undefined)
  if (!Array.isArray(column.absent)) return undefined
  let missing = 0
  for (const run of column.absent) {
    const [row, count, reason] = readRun(run, rows, 3) ?? []
    const cell = asCell(reason)
    if (row === undefined || count === undefined || typeof cell !== 'string') return undefined
    missing += count
    if (missing > rows) return undefined
    cells.fill(cell, row, row + count)
  }
  const present = decodeIntegers(column.of, rows - missing)
  if (!present) return undefined
  let next = 0
  return cells.map((cell) => cell ?? present[next++]).filter(isCell)
}

const asCell = (value: unknown): Cell | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) ? value : ABSENCE_REASONS.find((reason) => reason === value)
const isCell = (cell: Cell | undefined): cell is Cell => cell !== undefined

/** Suspect values as `[column, row, count]`. */
function suspectRuns(rows: readonly Numbered<ReadingRecord>[]): [column: number, row: number, count: number][] {
  const runs: [number, number, number][] = []
  for (const column of rows[0]?.record.values.keys() ?? []) {
    for (const [row, { record }] of rows.entries()) {
      const value = record.values[column]
      if (!value || !('value' in value) || !value.suspect) continue
      const run = runs.at(-1)
      if (run && run[0] === column && run[1] + run[2] === row) run[2] += 1
      else runs.push([column, row, 1])
    }
  }
  return runs
}

/** `[row, count, …]` inside the table, or undefined. */
function readRun(run: unknown, rows: number, length: number): [row: number, count: number, rest: unknown] | undefined {
  if (!Array.isArray(run) || run.length !== length) return undefined
  const [row, count, rest]: unknown[] = run
  if (typeof row !== 'number' || typeof count !== 'number' || !Number.isInteger(row) || !Number.isInteger(count))
    return undefined
  return row >= 0 && count >= 1 && row + count <= rows ? [row, count, rest] : undefined
}

export const decodeLayout = (layout: unknown): Layout | undefined => layoutSchema.safeParse(layout).data

const tableSchema = z.object({
  meter: meterIdSchema,
  group: readingRecordSchema.shape.group,
  layout: z.number().int().min(0),
  blocks: z.array(z.unknown()).max(WIRE_LIMITS.columns),
  values: z.array(z.unknown()).max(WIRE_LIMITS.columns),
  suspect: z.array(z.unknown()).max(WIRE_LIMITS.cells).optional(),
})

/** The readings of a table, or the reason why they cannot be had. Checked column by column, so it costs little. */
export function decodeReadingTable(
  table: { readonly [key: string]: unknown },
  rows: number,
  boots: readonly BootId[],
  layouts: readonly (Layout | undefined)[],
): readonly Numbered<ReadingRecord>[] | string {
  const parsed = tableSchema.safeParse(table)
  if (!parsed.success) return `not a reading table: ${parsed.error.issues[0]?.path.join('.')}`
  const { meter, group, layout: index } = parsed.data
  const layout = layouts[index]
  if (!layout || layout.quantity.length !== parsed.data.values.length) return 'unknown layout or quantity'
  const seqs = decodeSeqs(table, rows)
  const stamps = decodeStamps(table, rows, boots)
  if (!seqs || !stamps) return 'number or stamp columns are wrong'
  const blocks = parsed.data.blocks.map((column) => decodeBlocks(column, rows))
  const columns = decodeValues(parsed.data.values, rows, layout)
  const suspect = decodeSuspect(parsed.data.suspect ?? [], rows)
  if (!suspect || !blocks.every(isPresent) || !columns.every((column) => column?.length === rows))
    return 'a column is wrong'
  const readings: Numbered<ReadingRecord>[] = []
  for (const [row, seq] of seqs.entries()) {
    const stamp = stamps[row]
    const values = layout.quantity.map((_, column) =>
      valueAt(layout, column, columns[column]?.[row], suspect.has(`${column}/${row}`)),
    )
    if (!stamp || !values.every(isPresent)) return 'a value has no exponent'
    readings.push({
      seq,
      record: { kind: 'reading', stamp, meter, group, blocks: blocks.map((block) => block[row] ?? null), values },
    })
  }
  return readings
}

function valueAt(layout: Layout, column: number, cell: Cell | undefined, suspect: boolean): ReadingValue | undefined {
  const [quantity, block, exp] = [layout.quantity[column], layout.block[column], layout.exp[column]]
  if (quantity === undefined || block === undefined || cell === undefined) return undefined
  if (typeof cell === 'string') return { quantity, block, absent: cell }
  if (typeof exp !== 'number') return undefined
  return { quantity, block, value: { n: cell, exp }, ...(suspect ? { suspect: true as const } : {}) }
}

function decodeBlocks(column: unknown, rows: number): readonly (number | null)[] | undefined {
  const isBlock = (value: unknown): value is number | null =>
    value === null || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0)
  const values = decodeColumn(column, rows)
  return values?.every(isBlock) ? values : undefined
}

function decodeSuspect(runs: readonly unknown[], rows: number): ReadonlySet<string> | undefined {
  const suspect = new Set<string>()
  let marked = 0
  for (const each of runs) {
    if (!Array.isArray(each)) return undefined
    const [column, ...rest]: unknown[] = each
    const [row, count] = readRun(rest, rows, 2) ?? []
    if (typeof column !== 'number' || row === undefined || count === undefined) return undefined
    marked += count
    if (marked > WIRE_LIMITS.cells) return undefined
    for (let i = row; i < row + count; i += 1) suspect.add(`${column}/${i}`)
  }
  return suspect
}

const isPresent = <T>(value: T | undefined): value is T => value !== undefined
