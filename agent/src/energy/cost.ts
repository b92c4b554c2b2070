import { type Amount, add, amountSchema, multiply, subtract } from '@metergate/protocol'
import { z } from 'zod'
import { powerFactorRate, roundHalfUp } from './power-factor.js'
import { sum, ZERO } from './spans.js'
import { TARIFF_PERIODS, type TariffSplit, tariffPeriodSchema } from './tariff.js'
import { LEAST_MATCHED } from './unit-energy.js'

/** Prices of a site. They are the site's own input: none are shipped. */
export const pricesSchema = z.strictObject({
  /** CNY per kWh by period. */
  energy: z.partialRecord(tariffPeriodSchema, amountSchema),
  /** Two-part tariff (两部制): by transformer capacity (kVA) or by demand (kW), CNY a month each; absent: one-part. */
  basic: z
    .discriminatedUnion('by', [
      z.strictObject({ by: z.literal('capacity'), kva: amountSchema, price: amountSchema }),
      z.strictObject({ by: z.literal('demand'), price: amountSchema }),
    ])
    .optional(),
  /** Government funds inside the energy price, CNY per kWh; they are not adjusted. */
  funds_per_kwh: amountSchema.optional(),
  /** Power-factor adjustment (力调电费), where it applies. */
  power_factor: z
    .strictObject({
      standard: z.union([z.literal(90), z.literal(85), z.literal(80)]),
      /** What is adjusted: texts differ, so it is said. */
      base: z.enum(['energy_and_basic_without_funds', 'energy_and_basic']).default('energy_and_basic_without_funds'),
    })
    .optional(),
})
export type Prices = z.infer<typeof pricesSchema>

export interface BillInput {
  readonly split: TariffSplit
  readonly prices: Prices
  /** Metered time ÷ the span, per mille. */
  readonly coverage: number
  /** Whether the span is one whole civil month: what is charged by the month belongs to no other span. */
  readonly isMonth: boolean
  /** kW of the month, for a basic fee by demand. */
  readonly demandKw?: Amount
  /** Of the month, over the intervals in which active and reactive energy are both known: unlike times make no factor. */
  readonly powerFactorHundredths?: number
}

/** Money in CNY with two decimals, each line rounded half up; null is not known. A cost estimate, not a bill. */
export interface Bill {
  readonly energy: Amount
  readonly basic: Amount | null
  readonly powerFactorHundredths: number | null
  /** Per cent; + is a surcharge. */
  readonly adjustmentRate: Amount | null
  readonly adjustment: Amount | null
  readonly total: Amount | null
}

/** The bill as far as it can be said, and by name what it lacks; without the lacks its total is the whole cost. */
export interface BillResult {
  readonly bill: Bill | null
  readonly missing: readonly string[]
}

const CENT = -2

/**
 * Cost of a span; without every price it needs, or with too little of it metered, there is none. What is charged by the month
 * (basic fee, power-factor adjustment) is given for a whole month only: elsewhere the energy's cost stands without a total.
 */
export function billOf(input: BillInput): BillResult {
  const missing = whatIsMissing(input)
  if (missing.length) return { bill: null, missing }
  const { split, prices, isMonth } = input
  const energy = sum(
    TARIFF_PERIODS.map((period) => roundHalfUp(multiply(split.energy[period], prices.energy[period] ?? ZERO), CENT)),
  )
  const monthly = [...(prices.basic ? ['basic:month_only'] : []), ...(prices.power_factor ? ['pf:month_only'] : [])]
  if (isMonth || monthly.length === 0) return { bill: wholeBill(input, energy), missing: [] }
  const unknown = { basic: null, powerFactorHundredths: null, adjustmentRate: null, adjustment: null, total: null }
  return { bill: { energy, ...unknown }, missing: monthly }
}

function wholeBill({ split, prices, demandKw, powerFactorHundredths: found }: BillInput, energy: Amount): Bill {
  const basic = roundHalfUp(basicFee(prices, demandKw), CENT)
  const { power_factor: rule } = prices
  const pf = (rule && found) ?? null
  const rate = rule && pf !== null ? powerFactorRate(pf, rule.standard) : null
  const funds = rule?.base === 'energy_and_basic' ? ZERO : multiply(split.total, prices.funds_per_kwh ?? ZERO)
  const base = subtract(add(energy, basic), funds)
  const adjustment = roundHalfUp(rate ? multiply(base, { n: rate.n, exp: rate.exp - 2 }) : ZERO, CENT)
  const total = sum([energy, basic, adjustment])
  return { energy, basic, powerFactorHundredths: pf, adjustmentRate: rate, adjustment, total }
}

function whatIsMissing(input: BillInput): string[] {
  const { split, prices, coverage, isMonth, demandKw, powerFactorHundredths } = input
  const missing = TARIFF_PERIODS.filter((period) => split.energy[period].n !== 0 && !prices.energy[period]).map(
    (period) => `energy.${period}`,
  )
  return [
    ...missing,
    ...(split.uncovered.n !== 0 ? ['tariff of all intervals'] : []),
    ...split.unknownHolidays.map((one) => `holidays:${one.replace(' ', '/')}`),
    // The limit of every other figure: of what nobody metered nobody knows the cost.
    ...(coverage < LEAST_MATCHED ? [`coverage:${coverage}`] : []),
    ...(isMonth && prices.basic?.by === 'demand' && !demandKw ? ['demand_kw'] : []),
    ...(isMonth && prices.power_factor && powerFactorHundredths === undefined ? ['reactive_kvarh'] : []),
  ]
}

function basicFee({ basic }: Prices, demandKw: Amount | undefined): Amount {
  if (!basic) return ZERO
  return multiply(basic.by === 'capacity' ? basic.kva : (demandKw ?? ZERO), basic.price)
}
