import { type Amount, amount, compare, scaledTo } from '@metergate/protocol'

/** Power-factor standards of the 力调电费 rules of 1983 (水电财字215号): 0.90, 0.85, 0.80. */
export type PowerFactorStandard = 90 | 85 | 80

/**
 * Rates in hundredths of a per cent for each hundredth of power factor. `best` and `bestAt`: the largest bonus and
 * where it begins. Below `firstFrom` the penalty is 10 % + 1 % per 0.01, below `secondFrom` 15 % + 2 % per 0.01.
 */
interface Rule {
  readonly bestAt: number
  readonly best: number
  readonly bonus: number
  readonly firstFrom: number
  readonly secondFrom: number
}

/**
 * The table as seen in secondary copies. The bonus per 0.01 is stated for 0.90 (0.15 %); for 0.85 and 0.80 only the
 * largest bonus is known (1.1 % from 0.94, 1.3 % from 0.92), so the steps between are not given and count as none.
 */
const RULES: Record<PowerFactorStandard, Rule> = {
  90: { bestAt: 95, best: 75, bonus: 15, firstFrom: 70, secondFrom: 65 },
  85: { bestAt: 94, best: 110, bonus: 0, firstFrom: 65, secondFrom: 60 },
  80: { bestAt: 92, best: 130, bonus: 0, firstFrom: 60, secondFrom: 55 },
}

/**
 * Mean power factor Ep / √(Ep² + Eq²) in hundredths, rounded half up before any table is read; exact, by integers.
 * `reactive` is lag and lead added. Null when nothing flowed.
 */
export function powerFactorHundredths(active: Amount, reactive: Amount): number | null {
  const exp = Math.min(active.exp, reactive.exp)
  const p = scaledTo(active, exp)
  const q = scaledTo(reactive, exp)
  const square = p * p + q * q
  if (square === 0n) return null
  // pf ≥ (k - ½)/100  ⇔  40000 p² ≥ (2k - 1)² (p² + q²)
  for (let k = 100n; k > 0n; k--) {
    if (40_000n * p * p >= (2n * k - 1n) ** 2n * square) return Number(k)
  }
  return 0
}

/** The adjustment of a bill, in per cent with two decimals: + is a surcharge, − a bonus. */
export function powerFactorRate(hundredths: number, standard: PowerFactorStandard): Amount {
  return amount(rateHundredths(hundredths, standard, RULES[standard]), -2)
}

function rateHundredths(pf: number, standard: number, rule: Rule): number {
  if (pf >= rule.bestAt) return -rule.best
  if (pf >= standard) return -rule.bonus * (pf - standard)
  if (pf >= rule.firstFrom) return 50 * (standard - pf)
  if (pf >= rule.secondFrom) return 1000 + 100 * (rule.firstFrom - pf)
  return 1500 + 200 * (rule.secondFrom - pf)
}

/** `value` rounded half up (away from zero) to `exp`, as money and the power factor are in these rules. */
export function roundHalfUp(value: Amount, exp: number): Amount {
  if (value.exp >= exp) return amount(Number(scaledTo(value, exp)), exp)
  const unit = 10n ** BigInt(exp - value.exp)
  const n = BigInt(value.n)
  const size = n < 0n ? -n : n
  const rounded = (2n * size + unit) / (2n * unit)
  return amount(Number(compare(value, { n: 0, exp: 0 }) < 0 ? -rounded : rounded), exp)
}
