import { type Amount, compare, epochMs, type MeterId, type QuantityName } from '@metergate/protocol'
import type { EnergyReport } from '../control/calls.js'
import type { Slot } from '../energy/plant-time.js'
import { sum } from '../energy/spans.js'
import { checkRateSum } from '../energy/vee.js'
import type { VeeLimits } from '../energy/vee-table.js'
import type { RecordStore } from '../store/record-store.js'
import { asCheck } from './energy-checks.js'

/** The registers by rate (费率) of a meter, which stay readings: they are set against its total register once a day. */
export interface RatePlan {
  readonly total: QuantityName
  /** All rate registers the meter has; one that is missing in a reading makes the sum unknown. */
  readonly rates: readonly QuantityName[]
  /** One count of the total register, after the ratio. */
  readonly step: Amount
  /** So long before the day's end there are readings of all of them, ms. */
  readonly withinMs: number
}

/**
 * `tou_sum` for each day, by the last readings of it. Rates and total may be read at different times (rates hourly, the
 * total each minute); then the sum has to lie between the totals before and after it, which both are the meter's own.
 */
export function checkRates(
  store: RecordStore,
  {
    meter,
    plan,
    limits,
  }: { readonly meter: MeterId; readonly plan: RatePlan; readonly limits?: VeeLimits | undefined },
  days: readonly Slot[],
): EnergyReport['checks'] {
  return days.flatMap((day) => {
    const seen = lastRates(store, meter, plan, day)
    if (!seen) return []
    const { rates, before, after } = seen
    return checkRateSum(nearest(rates, before, after), rates, plan.step, day, limits).map((found) =>
      asCheck(meter, found),
    )
  })
}

interface SeenRates {
  readonly rates: readonly Amount[]
  readonly before: Amount
  readonly after: Amount
}

function lastRates(store: RecordStore, meter: MeterId, plan: RatePlan, day: Slot): SeenRates | undefined {
  const from = epochMs(Math.max(day.start, day.end - plan.withinMs))
  let total: Amount | undefined
  let open: Omit<SeenRates, 'after'> | undefined
  let found: SeenRates | undefined
  for (const { record } of store.records({ stream: 'detail', kinds: ['reading'], meter, from, to: day.end })) {
    if (record.kind !== 'reading') continue
    const values = new Map(
      record.values.flatMap((one) => ('value' in one && !one.suspect ? [[one.quantity, one.value] as const] : [])),
    )
    const now = values.get(plan.total)
    if (open && now) found = { ...open, after: now }
    if (now) open = undefined
    total = now ?? total
    const rates = plan.rates.flatMap((quantity) => values.get(quantity) ?? [])
    if (rates.length !== plan.rates.length || !total) continue
    if (now) found = { rates, before: now, after: now }
    else open = { rates, before: total }
  }
  return found
}

/** Of the totals before and after the one nearer to the sum; the sum itself where it lies between them. */
function nearest(rates: readonly Amount[], before: Amount, after: Amount): Amount {
  const together = sum(rates)
  if (compare(together, before) < 0) return before
  return compare(together, after) > 0 ? after : together
}
