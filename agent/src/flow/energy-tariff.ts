import type { IntervalRecord, MeterId } from '@metergate/protocol'
import type { TariffConfig } from '../config/energy-schema.js'
import type { EnergyReport } from '../control/calls.js'
import { type Bill, billOf, type Prices, pricesSchema } from '../energy/cost.js'
import { knownEnergies } from '../energy/meter-figures.js'
import type { Slot } from '../energy/plant-time.js'
import { averagePriceRatio, splitByTariff, TARIFF_PERIODS, valleyShare } from '../energy/tariff.js'
import type { ReportParts } from './report-parts.js'

/** Energy of the billing meter by time-of-use period, and what it would cost where all that is needed is known. */
export function tariffRow(
  { tariff: plan, zone }: ReportParts,
  meters: EnergyReport['meters'],
  byMeter: ReadonlyMap<MeterId, ReadonlyMap<number, IntervalRecord>>,
  period: Slot,
): EnergyReport['tariff'] {
  if (!plan) return null
  const { meter, tariff, prices } = plan
  const split = splitByTariff(knownEnergies(byMeter.get(meter)?.values() ?? []), tariff, zone)
  const row = meters.find((one) => one.meter === meter)
  const month = zone.month(period.start)
  const answer = billOf({
    split,
    prices,
    coverage: row?.coverage ?? 0,
    isMonth: month.start === period.start && month.end === period.end,
    ...(row?.demand ? { demandKw: row.demand.kw } : {}),
    ...(typeof row?.power_factor_hundredths === 'number' ? { powerFactorHundredths: row.power_factor_hundredths } : {}),
  })
  const hasPrices = Object.keys(prices.energy).length > 0
  const [only] = split.versions
  const version = split.versions.length === 1 ? tariff.versions.find(({ id }) => id === only) : undefined
  return {
    meter,
    schedule: tariff.id,
    tariff_kind: tariff.tariff_kind,
    versions: [...split.versions],
    energy: { ...split.energy },
    total: split.total,
    estimated: row?.estimated ?? null,
    uncovered: split.uncovered,
    valley_share: valleyShare(split),
    price_ratio: version ? averagePriceRatio(split, version) : null,
    bill: hasPrices && answer.bill ? billRow(answer.bill) : null,
    missing: hasPrices ? [...answer.missing] : [],
  }
}

type BillRow = NonNullable<NonNullable<EnergyReport['tariff']>['bill']>

const billRow = (bill: Bill): BillRow => ({
  energy: bill.energy,
  basic: bill.basic,
  power_factor_hundredths: bill.powerFactorHundredths,
  adjustment_rate: bill.adjustmentRate,
  adjustment: bill.adjustment,
  total: bill.total,
})

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
