import { type Amount, add, amountSchema, multiply, subtract } from '@metergate/protocol'
import { z } from 'zod'
import { powerFactorHundredths, powerFactorRate, roundHalfUp } from './power-factor.js'
import { sum, ZERO } from './spans.js'
import { TARIFF_PERIODS, type TariffSplit, tariffPeriodSchema } from './tariff.js'

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
  /** kW of the month, for a basic fee by demand. */
  readonly demandKw?: Amount
  /** kvarh of the month, lag and lead added. */
  readonly reactive?: Amount
}

/** Money in CNY with two decimals, each line rounded half up. A cost estimate, not a bill. */
export interface Bill {
  readonly energy: Amount
  readonly basic: Amount
  readonly powerFactorHundredths: number | null
  /** Per cent; + is a surcharge. */
  readonly adjustmentRate: Amount | null
  readonly adjustment: Amount
  readonly total: Amount
}

export type BillResult = { readonly bill: Bill } | { readonly missing: readonly string[] }

const CENT = -2

/** Cost of a month; without every price it needs there is none, and the answer names what is missing. */
export function billOf(input: BillInput): BillResult {
  const missing = whatIsMissing(input)
  if (missing.length) return { missing }
  const { split, prices, demandKw, reactive } = input
  const energy = sum(
    TARIFF_PERIODS.map((period) => roundHalfUp(multiply(split.energy[period], prices.energy[period] ?? ZERO), CENT)),
  )
  const basic = roundHalfUp(basicFee(prices, demandKw), CENT)
  const { power_factor: rule } = prices
  const pf = rule && reactive ? powerFactorHundredths(split.total, reactive) : null
  const rate = rule && pf !== null ? powerFactorRate(pf, rule.standard) : null
  const funds = rule?.base === 'energy_and_basic' ? ZERO : multiply(split.total, prices.funds_per_kwh ?? ZERO)
  const base = subtract(add(energy, basic), funds)
  const adjustment = roundHalfUp(rate ? multiply(base, { n: rate.n, exp: rate.exp - 2 }) : ZERO, CENT)
  const total = sum([energy, basic, adjustment])
  return { bill: { energy, basic, powerFactorHundredths: pf, adjustmentRate: rate, adjustment, total } }
}

function whatIsMissing({ split, prices, demandKw, reactive }: BillInput): string[] {
  const missing = TARIFF_PERIODS.filter((period) => split.energy[period].n !== 0 && !prices.energy[period]).map(
    (period) => `energy.${period}`,
  )
  return [
    ...missing,
    ...(split.uncovered.n !== 0 ? ['tariff of all intervals'] : []),
    ...(prices.basic?.by === 'demand' && !demandKw ? ['demand_kw'] : []),
    ...(prices.power_factor && !reactive ? ['reactive_kvarh'] : []),
  ]
}

function basicFee({ basic }: Prices, demandKw: Amount | undefined): Amount {
  if (!basic) return ZERO
  return multiply(basic.by === 'capacity' ? basic.kva : (demandKw ?? ZERO), basic.price)
}
