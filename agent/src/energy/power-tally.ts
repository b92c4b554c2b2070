import { type Amount, amount, amountFrom, divideHalfEven, invariant, rescale } from '@metergate/protocol'

/** Time-weighted total active power of one interval so far. `sum` is power digits × ms, exact. */
export interface PowerTally {
  exp: number
  weightMs: number
  sum: bigint
  min: number
  max: number
}

/** Begins a tally with a first value seen inside the interval. */
export const freshTally = (value: Amount): PowerTally => ({
  exp: value.exp,
  weightMs: 0,
  sum: 0n,
  min: value.n,
  max: value.n,
})

/** Adds `value` as having held for `ms`. */
export function tallyPower(tally: PowerTally, value: Amount, ms: number): void {
  const fitted = rescale(value, tally.exp)
  invariant(fitted, `power out of range: ${value.n}e${value.exp}`)
  tally.weightMs += ms
  tally.sum += BigInt(fitted.n) * BigInt(ms)
  if (fitted.n < tally.min) tally.min = fitted.n
  if (fitted.n > tally.max) tally.max = fitted.n
}

/** Mean (half-even to the column's digit), least and greatest power; null when nothing held for any time. */
export function powerFigures(tally: PowerTally | null): { mean: Amount; min: Amount; max: Amount } | null {
  if (!tally || tally.weightMs === 0) return null
  const mean = amountFrom(divideHalfEven(tally.sum, BigInt(tally.weightMs)), tally.exp)
  invariant(mean, 'a mean lies between its values')
  return { mean, min: amount(tally.min, tally.exp), max: amount(tally.max, tally.exp) }
}
