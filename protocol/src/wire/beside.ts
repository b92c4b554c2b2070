import { isObject, type Json } from './canonical.js'
import { decodeIntegers, encodeColumn, size } from './columns.js'

/**
 * The figures of a meter hang together: three phases carry nearly the same current, a total is the sum of its phases, power
 * follows current. A column of integers may therefore be written beside earlier ones of its table:
 *
 * - `{"near":[3,979],"plus":[…]}` - floor((979 · column 3 + 512) / 1024), and what is left to add, a column in its turn
 * - `{"sum":[6,7,8],"plus":[…]}` - column 6 + column 7 + column 8, and what is left to add
 *
 * Only whole numbers and a division by a power of two, so every reader comes to the same value, exactly.
 */
export type Numbers = readonly number[]

const UNIT = 1024
const MOST_FACTOR = 2 ** 24
/** In a short table the forms themselves cost more than they save. */
export const LEAST_ROWS = 16

/** The column beside earlier ones when that is shorter than `plain`, else `plain`. `parts`: columns it may be the sum of. */
export function encodeBeside(
  values: Numbers,
  plain: Json,
  earlier: readonly (Numbers | undefined)[],
  parts: readonly number[] | undefined,
  leastRows: number = LEAST_ROWS,
): Json {
  if (values.length < leastRows || typeof plain === 'number') return plain
  const forms = [plain]
  const summed = parts && besideSum(values, earlier, parts)
  if (parts && summed) forms.push({ sum: [...parts], plus: encodeColumn(summed) })
  const near = nearest(values, earlier)
  if (near) forms.push({ near: [near.column, near.factor], plus: encodeColumn(near.rest) })
  return forms.reduce((best, form) => (size(form) < size(best) ? form : best))
}

/** The rows of such a column, or undefined when it is none. */
export function decodeBeside(
  column: unknown,
  rows: number,
  earlier: readonly (Numbers | undefined)[],
): Numbers | undefined {
  if (!isObject(column) || Object.keys(column).length !== 2) return undefined
  const rest = decodeIntegers(column.plus, rows)
  const [first, second] = Array.isArray(column.near) && column.near.length === 2 ? column.near : []
  const base = Array.isArray(column.sum) ? sumOf(column.sum, earlier, rows) : scaled(earlier[index(first)], second)
  if (!rest || base?.length !== rows) return undefined
  return restored(base, rest)
}

/** What is left of the values when `base` is taken away; undefined when it leaves the exact integers. */
export function leftOver(values: Numbers, base: Numbers): Numbers | undefined {
  const rest = values.map((value, row) => value - (base[row] ?? 0))
  return rest.every(Number.isSafeInteger) ? rest : undefined
}

/** Undoes {@link leftOver}; undefined when the sums leave the exact integers or a row has no rest. */
function restored(base: Numbers, rest: Numbers): Numbers | undefined {
  const values = base.map((value, row) => value + (rest[row] ?? Number.NaN))
  return values.every(Number.isSafeInteger) ? values : undefined
}

const index = (value: unknown): number => (typeof value === 'number' ? value : -1)

/** `factor` / 1024 of each value, or undefined when it leaves the exact integers. */
function scaled(values: Numbers | undefined, factor: unknown): Numbers | undefined {
  if (!values || typeof factor !== 'number' || !Number.isInteger(factor) || Math.abs(factor) > MOST_FACTOR)
    return undefined
  const products = values.map((value) => factor * value + UNIT / 2)
  return products.every(Number.isSafeInteger) ? products.map((product) => Math.floor(product / UNIT)) : undefined
}

function sumOf(
  parts: readonly unknown[],
  earlier: readonly (Numbers | undefined)[],
  rows: number,
): Numbers | undefined {
  if (parts.length < 2 || parts.length > 8) return undefined
  const columns = parts.map((part) => earlier[index(part)])
  const sum = new Array<number>(rows).fill(0)
  for (const column of columns) {
    if (column?.length !== rows) return undefined
    for (const [row, value] of column.entries()) sum[row] = (sum[row] ?? 0) + value
  }
  return sum.every(Number.isSafeInteger) ? sum : undefined
}

function besideSum(
  values: Numbers,
  earlier: readonly (Numbers | undefined)[],
  parts: readonly number[],
): Numbers | undefined {
  const sum = sumOf(parts, earlier, values.length)
  return sum && leftOver(values, sum)
}

interface Near {
  readonly column: number
  readonly factor: number
  readonly rest: Numbers
  readonly cost: number
}

/** The earlier column that, multiplied by one factor, comes nearest: least squares, judged by the digits left over. */
function nearest(values: Numbers, earlier: readonly (Numbers | undefined)[]): Near | undefined {
  let best: Near | undefined
  for (const [column, other] of earlier.entries()) {
    if (!other || other.length !== values.length) continue
    let [products, squares] = [0, 0]
    for (const [row, value] of other.entries()) {
      products += value * (values[row] ?? 0)
      squares += value * value
    }
    const factor = Math.round((UNIT * products) / squares)
    const base = factor === 0 ? undefined : scaled(other, factor)
    const rest = base && leftOver(values, base)
    if (!rest) continue
    const cost = Math.min(digits(rest), digits(rest.map((value, row) => value - (rest[row - 1] ?? 0))))
    if (!best || cost < best.cost) best = { column, factor, rest, cost }
  }
  return best
}

const digits = (values: Numbers): number => values.reduce((sum, value) => sum + Math.log2(1 + Math.abs(value)), 0)
