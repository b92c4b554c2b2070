import { isObject, type Json } from './canonical.js'

/**
 * A column is one figure over the rows of a table, written in whichever form is shortest and still readable:
 *
 * - `5`, `"S"`, `null` - the same in every row
 * - `[2305,1,-1]` - integers: the first one, then differences
 * - `{"dd":[100,10,0]}` - integers: the first, the first difference, then differences of differences
 * - `{"runs":[[3,"S"],[2,"U"]]}` - three times the one, twice the other
 * - `{"raw":[…]}` - row by row, for what has no differences
 */
export function encodeColumn(values: readonly Json[]): Json {
  const first = values[0]
  if (first === undefined) return []
  const runs = toRuns(values)
  if (runs.length === 1 && isScalar(first)) return first
  const forms: Json[] = [{ runs }, { raw: values }]
  if (values.every(isSafe)) {
    const d = differences(values)
    const dd = d && secondDifferences(d)
    if (dd) forms.unshift({ dd })
    if (d) forms.unshift(d)
  }
  return forms.reduce((best, form) => (size(form) < size(best) ? form : best))
}

/** The rows of a column, or undefined when it is no column of exactly `rows` rows. */
export function decodeColumn(column: unknown, rows: number): readonly unknown[] | undefined {
  if (isScalar(column)) return new Array<unknown>(rows).fill(column)
  if (Array.isArray(column)) return column.length === rows ? accumulate(column, 1) : undefined
  if (!isObject(column)) return undefined
  const [key, ...others] = Object.keys(column)
  const list = key === undefined ? undefined : column[key]
  if (others.length > 0 || !Array.isArray(list)) return undefined
  if (key === 'runs') return unroll(list, rows)
  if (list.length !== rows) return undefined
  if (key === 'raw') return list
  return key === 'dd' ? accumulate(list, 2) : undefined
}

/** A column of safe integers, or undefined. */
export function decodeIntegers(column: unknown, rows: number): readonly number[] | undefined {
  const values = decodeColumn(column, rows)
  return values?.every(isSafe) ? values : undefined
}

/** A column of numbers (whole or not), or undefined. */
export function decodeNumbers(column: unknown, rows: number): readonly number[] | undefined {
  const values = decodeColumn(column, rows)
  return values?.every((value) => typeof value === 'number') ? values : undefined
}

/** Values as `[count, value]` pairs. */
function toRuns(values: readonly Json[]): Json[] {
  const runs: { count: number; value: Json; text: string }[] = []
  for (const value of values) {
    const text = JSON.stringify(value)
    const open = runs.at(-1)
    if (open?.text === text) open.count += 1
    else runs.push({ count: 1, value, text })
  }
  return runs.map((run) => [run.count, run.value])
}

function unroll(runs: readonly unknown[], rows: number): readonly unknown[] | undefined {
  const values: unknown[] = []
  for (const run of runs) {
    if (!Array.isArray(run) || run.length !== 2) return undefined
    const [count, value]: unknown[] = run
    // Counted before it is unrolled: a few bytes must not become a gigabyte.
    if (!isSafe(count) || count < 1 || values.length + count > rows) return undefined
    for (let i = 0; i < count; i += 1) values.push(value)
  }
  return values.length === rows ? values : undefined
}

/** The first value, then what changes from row to row; undefined when that leaves the exact integers. */
export function differences(values: readonly number[]): number[] | undefined {
  let before = 0
  const result: number[] = []
  for (const value of values) {
    result.push(value - before)
    before = value
  }
  return result.every(isSafe) ? result : undefined
}

/** First value and first difference stay as they are, so that a steady step leaves only zeros behind them. */
function secondDifferences(d: readonly number[]): number[] | undefined {
  const [first, ...steps] = d
  const dd = first === undefined ? undefined : differences(steps)
  return first === undefined || dd === undefined ? undefined : [first, ...dd]
}

/** Undoes {@link differences}, once or twice; undefined when the list is not of exact integers, or a sum leaves them. */
export function accumulate(list: readonly unknown[], order: 1 | 2): readonly number[] | undefined {
  const values: number[] = []
  let value = 0
  let step = 0
  for (const [row, change] of list.entries()) {
    if (!isSafe(change)) return undefined
    step = order === 2 && row >= 2 ? step + change : change
    value += step
    if (!isSafe(value)) return undefined
    values.push(value)
  }
  return values
}

/** Of a form, so that the shortest can be chosen; before compression. */
export const size = (form: Json): number => JSON.stringify(form).length
const isSafe = (value: unknown): value is number => Number.isSafeInteger(value)
const isScalar = (value: unknown): value is null | boolean | number | string =>
  value === null || typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string'
