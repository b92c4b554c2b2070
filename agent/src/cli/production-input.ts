import { type EpochMs, fail, ok, parseAmount, type Result } from '@metergate/protocol'
import type { LoadedConfig } from '../config/load.js'
import type { ProductionDeclaration } from '../control/calls.js'
import { PlantZone, type Slot } from '../energy/plant-time.js'
import { CLI } from '../i18n/cli-texts.js'
import type { Localized } from '../i18n/localized.js'
import { parseCsv } from './csv.js'
import { formatInstant, parseDate, parseInstant, shiftSpan, today } from './times.js'

/** What a person typed for one entry, in options or in a CSV row. */
export interface DeclarationInput {
  readonly count: string
  readonly product?: string
  readonly unit?: string
  readonly from?: string
  readonly to?: string
  readonly shift?: string
  readonly date?: string
  readonly note?: string
}

/** Checks one entry against the configuration: product, unit, count, and the time it is about. */
export function readDeclaration(
  input: DeclarationInput,
  loaded: LoadedConfig,
  now: EpochMs,
): Result<ProductionDeclaration, Localized> {
  const { products } = loaded.config
  const only = products.length === 1 ? products[0] : undefined
  if (input.product === undefined && !only) return fail(CLI.productMissing)
  const product = input.product === undefined ? only : products.find(({ id }) => id === input.product)
  if (!product)
    return fail(
      CLI.unknownProduct(
        input.product ?? '',
        products.map(({ id }) => id),
      ),
    )
  if (input.unit !== undefined && input.unit !== product.unit) return fail(CLI.wrongUnit(input.unit, product.unit))
  const count = parseAmount(input.count)
  if (!count || count.n < 0) return fail(CLI.badCount(input.count))
  const span = spanOf(input, loaded, now)
  if (!span.ok) return span
  if (span.value.end > now) {
    const zone = new PlantZone(loaded.config.plant.timezone)
    return fail(CLI.futureSpan(formatInstant(zone, span.value.end), formatInstant(zone, now)))
  }
  return ok({
    product: product.id,
    count,
    unit: product.unit,
    ...span.value,
    ...(input.shift === undefined ? {} : { shift: input.shift }),
    ...(input.note === undefined ? {} : { note: input.note }),
  })
}

/** `from` and `to`, or the hours of the shift on `date` (today when left out). */
function spanOf(input: DeclarationInput, loaded: LoadedConfig, now: EpochMs): Result<Slot, Localized> {
  const { timezone, shifts } = loaded.config.plant
  const zone = new PlantZone(timezone)
  if (input.from !== undefined && input.to !== undefined) {
    const start = parseInstant(zone, input.from, now)
    const end = parseInstant(zone, input.to, now)
    if (start === undefined) return fail(CLI.badInstant(input.from))
    if (end === undefined) return fail(CLI.badInstant(input.to))
    return end > start ? ok({ start, end }) : fail(CLI.badSpan)
  }
  if (input.shift === undefined || input.from !== undefined || input.to !== undefined) return fail(CLI.spanMissing)
  const shift = shifts.find(({ id }) => id === input.shift)
  if (!shift)
    return fail(
      CLI.unknownShift(
        input.shift,
        shifts.map(({ id }) => id),
      ),
    )
  const date = input.date === undefined ? today(zone, now) : parseDate(input.date)
  return date ? ok(shiftSpan(zone, date, shift)) : fail(CLI.badDate(input.date ?? ''))
}

/** One row of an import, by the line of the file it begins in. */
export interface ImportRow {
  readonly line: number
  readonly result: Result<ProductionDeclaration, Localized>
}

const COLUMNS = ['product', 'count', 'from', 'to', 'unit', 'shift', 'date', 'note'] as const

/** Reads CSV with a first row of column names; fails as a whole only when that row is wrong. */
export function readProductionCsv(text: string, loaded: LoadedConfig, now: EpochMs): Result<ImportRow[], Localized> {
  const [header, ...rows] = parseCsv(text)
  const names = (header?.cells ?? []).map((name) => name.toLowerCase())
  const strange = names.find((name) => !COLUMNS.some((column) => column === name))
  if (strange !== undefined) return fail(CLI.strangeColumn(strange, COLUMNS))
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) return fail(CLI.columnTwice(twice))
  if (!names.includes('count')) return fail(CLI.importColumns)
  const cell = (cells: readonly string[], name: (typeof COLUMNS)[number]) => {
    const value = cells[names.indexOf(name)]
    return value === undefined || value === '' ? {} : { [name]: value }
  }
  return ok(
    rows.map(({ line, cells }) => {
      if (cells.length > names.length) return { line, result: fail(CLI.tooManyCells(cells.length, names.length)) }
      const input = Object.assign({ count: '' }, ...COLUMNS.map((name) => cell(cells, name)))
      return { line, result: readDeclaration(input, loaded, now) }
    }),
  )
}
