import { leftOver, type Numbers } from './beside.js'
import { isObject, type Json } from './canonical.js'
import { accumulate, decodeIntegers, differences, encodeColumn, size } from './columns.js'

/**
 * What a meter shows follows, for the most part, from a few of its figures by the laws of electricity. From format 2 on a column may be
 * written as `{"by":[…]}`: what is left to add to what the law of its quantity gives, a column in its turn. Laws, over earlier
 * columns of the table:
 *
 * - `mul`, `div`, `times`: product of the ones by the product of the others. Phases under one power factor, and the power factor.
 * - `dot`, `over`: first by second and third by fourth and so on, added up. Apparent power.
 * - `leg`: root of the difference of squares. Reactive power.
 * - `third`: root of a² + b² + ab. The voltage between two phases 120° apart.
 * - `along` (format 3): the row before, as much larger or smaller as another column became; 0 in the first. Currents of the other
 *   phases and the power of the first, after its current. What is left is added to the row before's own: `by` changes by it.
 *
 * Quotients and roots are those of IEEE 754 doubles, rounded half up, of integers that are exact; a row without a result (divided by
 * 0, root of less than 0) counts as 0. So every reader comes to the same value, and nothing rests on the law being true. The laws
 * are part of the format: changing one makes another format of it.
 */
export type Law =
  | { readonly mul: readonly number[]; readonly div: readonly number[]; readonly times: number }
  | { readonly dot: readonly number[]; readonly over: number }
  | { readonly leg: readonly number[] }
  | { readonly third: readonly number[] }
  | { readonly along: number }

type Columns = readonly (Numbers | undefined)[]

/** What names the form is the same in every column, so compression leaves nothing of it: the digits after it are what counts. */
export const NAME_COSTS = size({ by: 0 }) - size(0)

/** The column by its law, where that is shorter than `plain`, or longer by less than `allowed`. */
export function encodeDerived(
  values: Numbers,
  plain: Json,
  earlier: Columns,
  law: Law | undefined,
  allowed: number = 0,
): Json {
  const rest = law && restOf(law, values, earlier)
  if (!rest) return plain
  const form = { by: encodeColumn(rest) }
  return size(form) < size(plain) + allowed ? form : plain
}

/** What `by` holds: what is left of each row, or for `along` the sum of that up to the row. */
function restOf(law: Law, values: Numbers, earlier: Columns): Numbers | undefined {
  const left = leftOver(
    values,
    values.map((_, row) => predicted(law, row, earlier, values[row - 1])),
  )
  return left && 'along' in law ? accumulate(left, 1) : left
}

/** The rows of a column that follows its law, or undefined when it is none or has no law. */
export function decodeDerived(
  column: unknown,
  rows: number,
  earlier: Columns,
  law: Law | undefined,
): Numbers | undefined {
  if (!isDerived(column) || Object.keys(column).length !== 1 || !law) return undefined
  const rest = decodeIntegers(column.by, rows)
  const left = rest && 'along' in law ? differences(rest) : rest
  if (!left) return undefined
  const values: number[] = []
  for (const [row, change] of left.entries()) values.push(predicted(law, row, earlier, values[row - 1]) + change)
  return values.every(Number.isSafeInteger) ? values : undefined
}

/** Says whether a column is written by a law. */
export const isDerived = (column: unknown): column is { readonly by: unknown } => isObject(column) && 'by' in column

/** What the law gives for a row, after a value of `before`; not a number when a column is missing or the exact integers are left. */
function predicted(law: Law, row: number, earlier: Columns, before: number | undefined): number {
  const cell = (column: number, at = row): number => earlier[column]?.[at] ?? Number.NaN
  const at = (columns: readonly number[]): number[] => columns.map((column) => cell(column))
  if ('along' in law) {
    const factor = [before ?? Number.NaN, cell(law.along)]
    return row === 0 ? 0 : quotient(product(factor), cell(law.along, row - 1))
  }
  if ('mul' in law) return quotient(product([...at(law.mul), law.times]), product(at(law.div)))
  if ('dot' in law) {
    const values = at(law.dot)
    let sum = 0
    for (let i = 0; i < values.length; i += 2) sum = exact(sum + product(values.slice(i, i + 2)))
    return quotient(sum, law.over)
  }
  const [a = Number.NaN, b = Number.NaN] = at('leg' in law ? law.leg : law.third)
  const square = 'leg' in law ? exact(a * a) - exact(b * b) : exact(exact(a * a) + exact(b * b)) + exact(a * b)
  return square < 0 ? 0 : Math.round(Math.sqrt(exact(square)))
}

const exact = (value: number): number => (Number.isSafeInteger(value) ? value : Number.NaN)
const product = (values: readonly number[]): number => values.reduce((result, value) => exact(result * value), 1)
// `+ 0` makes of a negative zero, which JSON would not bring back, a zero.
const quotient = (over: number, under: number): number => (under === 0 ? 0 : Math.round(over / under) + 0)

/** The laws of format 2. */
export const lawForFormat2: typeof lawFor = (quantities, exps, column) => {
  const law = lawFor(quantities, exps, column)
  return law && 'along' in law ? undefined : law
}

/** The law a column's quantity is under, given the columns before it and the decimal exponents of all. */
export function lawFor(
  quantities: readonly string[],
  exps: readonly (number | null)[],
  column: number,
): Law | undefined {
  const name = quantities[column] ?? ''
  const find = (wanted: string): number => {
    const at = quantities.indexOf(wanted)
    return at < column ? at : -1
  }
  const law = lawOf(name, find, exps, exps[column] ?? 0)
  return law && isUsable(law) ? law : undefined
}

function lawOf(
  name: string,
  find: (name: string) => number,
  exps: readonly (number | null)[],
  exp: number,
): Law | undefined {
  if (/^current_l[23]$|^power_active_l1$/.test(name)) return { along: find('current_l1') }
  const [, kind, phase] = /^(power_\w+)_l([23])$/.exec(name) ?? []
  if (kind && phase) {
    const mul = [`${kind}_l1`, `voltage_l${phase}_n`, `current_l${phase}`]
    return { mul: mul.map(find), div: ['voltage_l1_n', 'current_l1'].map(find), times: 1 }
  }
  if (name === 'power_apparent_total') {
    const dot = [1, 2, 3].flatMap((each) => [find(`voltage_l${each}_n`), find(`current_l${each}`)])
    const [volt = -1, ampere = -1] = dot
    return { dot, over: 10 ** (exp - (exps[volt] ?? 0) - (exps[ampere] ?? 0)) }
  }
  const [active, apparent] = [find('power_active_total'), find('power_apparent_total')]
  if (name === 'power_reactive_total') return { leg: [apparent, active] }
  if (name === 'power_factor_total') return { mul: [active], div: [apparent], times: 10 ** -exp }
  const [, from, to] = /^voltage_l([123])_l([123])$/.exec(name) ?? []
  return from && to ? { third: [find(`voltage_l${from}_n`), find(`voltage_l${to}_n`)] } : undefined
}

const isScale = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= 1e9
const areThere = (columns: readonly number[]): boolean => columns.every((column) => column >= 0)

function isUsable(law: Law): boolean {
  if ('along' in law) return areThere([law.along])
  if ('mul' in law) return areThere([...law.mul, ...law.div]) && isScale(law.times)
  if ('dot' in law) return areThere(law.dot) && isScale(law.over)
  return areThere('leg' in law ? law.leg : law.third)
}
