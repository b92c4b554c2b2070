import {
  type Amount,
  add,
  amount,
  amountFrom,
  compare,
  divideHalfEven,
  formatAmount,
  invariant,
  ratio,
  scaledTo,
  subtract,
} from '@metergate/protocol'
import { rootOfRatio } from './exact-root.js'
import { ZERO } from './spans.js'

/** Energy and output of one period (a month, a week): kWh and pieces. */
export interface BaselinePoint {
  readonly energy: Amount
  readonly output: Amount
}

/**
 * Energy baseline E = b0 + b1·Q by least squares (ISO 50006 practice). b0 is the base load of a period, b1 what one
 * piece takes. All sums are exact; only the final quotients and roots are rounded.
 */
export interface Baseline {
  readonly n: number
  /** kWh per period at six decimals, and kWh per piece at nine. */
  readonly b0: Amount
  readonly b1: Amount
  /** Share of the variation explained, at six decimals. */
  readonly r2: Amount
  /** √(SSE ÷ (n − 2)), kWh, and that ÷ mean energy; at six decimals. */
  readonly rmse: Amount
  readonly cvRmse: Amount
  readonly least: Amount
  readonly most: Amount
  /** Which limits the fit misses; empty: accepted. */
  readonly rejected: readonly ('r2' | 'cv_rmse' | 'points')[]
  readonly formula: string
}

export const BASELINE_FORMULA = 'baseline-linear/1'

/** Acceptance: R² ≥ 0.75, CV(RMSE) ≤ 20 %, at least 12 points. A good fit is no proof of a fit baseline. */
const LEAST_R2 = amount(75, -2)
const MOST_CV = amount(20, -2)
const LEAST_POINTS = 12

/** Fits a baseline; undefined with fewer than three points or when output (or energy) never varies. */
export function fitBaseline(points: readonly BaselinePoint[]): Baseline | undefined {
  const sums = sumsOf(points)
  const { n, x, y, dxx, dyy, dxy, expX, expY } = sums
  if (points.length < 3 || dxx === 0n || dyy === 0n) return undefined
  const b1 = quotient(dxy, dxx, expY - expX, -9)
  const b0 = quotient(y * sums.xx - x * sums.xy, dxx, expY, -6)
  const errors = dyy * dxx - dxy * dxy
  const r2 = quotient(dxy * dxy, dxx * dyy, 0, -6)
  const rmse = rootOfRatio(scaleUp(errors, 2 * expY), n * dxx * (n - 2n) * scaleDown(2 * expY), -6)
  const mean = quotient(y, n, expY, -6)
  const cvRmse = rmse && mean && ratio(rmse, mean, -6)
  if (!b0 || !b1 || !r2 || !rmse || !cvRmse) return undefined
  const outputs = points.map(({ output }) => output).sort(compare)
  return {
    n: points.length,
    b0,
    b1,
    r2,
    rmse,
    cvRmse,
    least: outputs[0] ?? ZERO,
    most: outputs.at(-1) ?? ZERO,
    rejected: [
      ...(compare(r2, LEAST_R2) < 0 ? ['r2' as const] : []),
      ...(compare(cvRmse, MOST_CV) > 0 ? ['cv_rmse' as const] : []),
      ...(points.length < LEAST_POINTS ? ['points' as const] : []),
    ],
    formula: BASELINE_FORMULA,
  }
}

/** Integer sums at common exponents; d.. are n × the centred sums. */
function sumsOf(points: readonly BaselinePoint[]) {
  const expX = Math.min(0, ...points.map(({ output }) => output.exp))
  const expY = Math.min(0, ...points.map(({ energy }) => energy.exp))
  const n = BigInt(points.length)
  let [x, y, xx, yy, xy] = [0n, 0n, 0n, 0n, 0n]
  for (const { energy, output } of points) {
    const q = scaledTo(output, expX)
    const e = scaledTo(energy, expY)
    x += q
    y += e
    xx += q * q
    yy += e * e
    xy += q * e
  }
  return { n, x, y, xx, xy, dxx: n * xx - x * x, dyy: n * yy - y * y, dxy: n * xy - x * y, expX, expY }
}

const scaleUp = (value: bigint, exp: number): bigint => (exp > 0 ? value * 10n ** BigInt(exp) : value)
const scaleDown = (exp: number): bigint => (exp < 0 ? 10n ** BigInt(-exp) : 1n)

/** (numerator ÷ denominator) × 10^from, half-even at `exp`. */
function quotient(numerator: bigint, denominator: bigint, from: number, exp: number): Amount | undefined {
  const shift = from - exp
  return amountFrom(divideHalfEven(scaleUp(numerator, shift), denominator * scaleDown(shift)), exp)
}

/** One period set against its baseline. */
export interface BaselineVerdict {
  readonly expected: Amount
  /** Expected − actual, kWh: above zero is saved. */
  readonly savings: Amount
  readonly cusumSavings: Amount
  /** Output outside the range the baseline was made from: flagged, still counted. */
  readonly extrapolated: boolean
  /** Actual ÷ expected at six decimals; null when nothing was expected. */
  readonly enpiRatio: Amount | null
  /** Tabular CUSUM of (actual − expected) ÷ RMSE with slack 0.5, both sides; alarm from the first above 4 on. */
  readonly above: Amount
  readonly below: Amount
  readonly alarm: boolean
}

const SLACK = amount(5, -1)
const ALARM = amount(4, 0)

/** Goes through the reporting periods in order. */
export function againstBaseline(baseline: Baseline, periods: readonly BaselinePoint[]): BaselineVerdict[] {
  let cusumSavings = ZERO
  let above = ZERO
  let below = ZERO
  let alarm = false
  return periods.map(({ energy, output }) => {
    const expected = expectedEnergy(baseline, output)
    const savings = subtract(expected, energy)
    cusumSavings = add(cusumSavings, savings)
    const z = ratio(subtract(energy, expected), baseline.rmse, -6) ?? ZERO
    above = atLeastZero(subtract(add(above, z), SLACK))
    below = atLeastZero(subtract(subtract(below, z), SLACK))
    alarm ||= compare(above, ALARM) > 0 || compare(below, ALARM) > 0
    const extrapolated = compare(output, baseline.least) < 0 || compare(output, baseline.most) > 0
    return {
      expected,
      savings,
      cusumSavings,
      extrapolated,
      enpiRatio: ratio(energy, expected, -6) ?? null,
      above,
      below,
      alarm,
    }
  })
}

/** b0 + b1·Q from the published coefficients, kWh at six decimals, half-even. */
export function expectedEnergy({ b0, b1 }: Baseline, output: Amount): Amount {
  const process = quotient(BigInt(b1.n) * BigInt(output.n), 1n, b1.exp + output.exp, -6)
  invariant(process, `no energy for an output of ${formatAmount(output)}`)
  return add(b0, process)
}

const atLeastZero = (value: Amount): Amount => (value.n < 0 ? ZERO : value)
