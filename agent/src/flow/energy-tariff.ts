import type { IntervalRecord, MeterId } from '@metergate/protocol'
import type { TariffConfig } from '../config/energy-schema.js'
import type { EnergyReport } from '../control/calls.js'
import { billOf, type Prices, pricesSchema } from '../energy/cost.js'
import { knownEnergies } from '../energy/meter-figures.js'
import { averagePriceRatio, splitByTariff, TARIFF_PERIODS, valleyShare } from '../energy/tariff.js'
import type { ReportParts } from './report-parts.js'

/** Energy of the billing meter by time-of-use period, and what it would cost where every price needed is known. */
export function tariffRow(
  { tariff: plan, zone }: ReportParts,
  meters: EnergyReport['meters'],
  byMeter: ReadonlyMap<MeterId, ReadonlyMap<number, IntervalRecord>>,
): EnergyReport['tariff'] {
  if (!plan) return null
  const { meter, tariff, prices } = plan
  const split = splitByTariff(knownEnergies(byMeter.get(meter)?.values() ?? []), tariff, zone)
  const row = meters.find((one) => one.meter === meter)
  const hasPrices = Object.keys(prices.energy).length > 0
  const answer = billOf({
    split,
    prices,
    ...(row?.demand ? { demandKw: row.demand.kw } : {}),
    ...(row?.reactive ? { reactive: row.reactive } : {}),
  })
  const bill = hasPrices && 'bill' in answer ? answer.bill : null
  const [only] = split.versions
  const version = split.versions.length === 1 ? tariff.versions.find(({ id }) => id === only) : undefined
  return {
    meter,
    schedule: tariff.id,
    tariff_kind: tariff.tariff_kind,
    versions: [...split.versions],
    energy: { ...split.energy },
    total: split.total,
    uncovered: split.uncovered,
    valley_share: valleyShare(split),
    price_ratio: version ? averagePriceRatio(split, version) : null,
    bill: bill && {
      energy: bill.energy,
      basic: bill.basic,
      power_factor_hundredths: bill.powerFactorHundredths,
      adjustment_rate: bill.adjustmentRate,
      adjustment: bill.adjustment,
      total: bill.total,
    },
    missing: hasPrices && 'missing' in answer ? [...answer.missing] : [],
  }
}

/** The site's prices as the configuration writes them. */
export function pricesOf(config: TariffConfig): Prices {
  const { prices, basic, funds_per_kwh: funds, power_factor: standard } = config
  const energy = Object.fromEntries(
    TARIFF_PERIODS.flatMap((period) => (prices[period] ? [[period, prices[period]]] : [])),
  )
  return pricesSchema.parse({
    energy,
    ...(basic ? { basic } : {}),
    ...(funds ? { funds_per_kwh: funds } : {}),
    ...(standard ? { power_factor: { standard: Math.round(standard * 100) } } : {}),
  })
}
