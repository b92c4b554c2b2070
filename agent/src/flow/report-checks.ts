import type { Amount, IntervalRecord, MeterId } from '@metergate/protocol'
import type { EnergyReport } from '../control/calls.js'
import { balanceGap } from '../energy/meter-group.js'
import type { Slot } from '../energy/plant-time.js'
import { slotEnergy, slotsOf } from '../energy/spans.js'
import { checkDuplicates, checkLoadFactor } from '../energy/vee.js'
import { veeCheck } from '../energy/vee-table.js'
import type { RecordStore } from '../store/record-store.js'
import { asCheck, checkDays, wholeDays } from './energy-checks.js'
import type { LedgerSpan } from './energy-ledger.js'
import { checkRates } from './energy-rates.js'
import type { ReportParts } from './report-parts.js'

const IMPORT = 'energy_active_import_total'
const NO_INTERVALS: ReadonlyMap<number, IntervalRecord> = new Map()

/** The checks of every whole day of the span, meter by meter, and each main meter against its sub meters. */
export function checksOf(
  store: RecordStore,
  { zone, minutes, meters, groups = [], contractKw, tariff, limits, isRestDay }: ReportParts,
  period: Slot,
  ledger: LedgerSpan,
) {
  const days = wholeDays(period, zone).map((day) => ({ day, slots: slotsOf(day, zone, minutes) }))
  const ofMeters = meters
    .filter(({ hasEnergy }) => hasEnergy)
    .flatMap(({ id }) => {
      const intervals = ledger.byMeter.get(id) ?? NO_INTERVALS
      const isWhole = id === tariff?.meter || groups.some((group) => group.kind === 'main_and_sub' && group.main === id)
      return checkDays(
        id,
        days.map((one) => ({ ...one, intervals })),
        { zone, limits, isRestDay, contractKw: isWhole ? contractKw : undefined },
      )
    })
  const ofRates = meters.flatMap(({ id: meter, rates: plan }) =>
    plan
      ? checkRates(
          store,
          { meter, plan, limits },
          days.map(({ day }) => day),
        )
      : [],
  )
  const ofGroups = groups.flatMap((group) =>
    days.flatMap(({ day, slots }): EnergyReport['checks'] => {
      if (group.kind !== 'main_and_sub') return []
      const line = (meter: MeterId) =>
        slots.map(({ start }) => slotEnergy(ledger.byMeter.get(meter)?.get(start), IMPORT))
      const { severity, limit } = veeCheck('energy_balance', limits)
      const { share, isBeyond } = balanceGap(line(group.main), group.meters.map(line), limit)
      if (!isBeyond || !share || !limit) return []
      return [
        { meter: group.id, check: 'energy_balance', severity, ...day, value: decimal(share), limit: decimal(limit) },
      ]
    }),
  )
  return [...ofMeters, ...ofRates, ...ofGroups]
}

/** Checks of the span as a whole: intervals given twice, and the load factor of a month. */
export function checksOfSpan(
  { zone, limits }: ReportParts,
  meters: EnergyReport['meters'],
  period: Slot,
  { intervals }: LedgerSpan,
) {
  const month = zone.month(period.start)
  const isMonth = month.start === period.start && month.end === period.end
  return meters.flatMap(({ meter, load_factor: factor }) => {
    const own = intervals.flatMap((one) => (one.meter === meter ? [contentOf(one)] : []))
    const found = [...checkDuplicates(own), ...(isMonth && factor ? checkLoadFactor(factor, period, limits) : [])]
    return found.map((one) => asCheck(meter, one))
  })
}

/** Without the stamp, which tells only when it was written. */
function contentOf({ stamp: _, ...content }: IntervalRecord) {
  return content
}

const decimal = ({ n, exp }: Amount): string => (n * 10 ** exp).toFixed(Math.max(0, -exp))
