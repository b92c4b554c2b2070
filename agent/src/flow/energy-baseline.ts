import type { ProductId, UnitEnergyRecord } from '@metergate/protocol'
import type { EnergyReport } from '../control/calls.js'
import { againstBaseline, type BaselinePoint, fitBaseline } from '../energy/baseline.js'
import type { Slot } from '../energy/plant-time.js'
import type { RecordStore } from '../store/record-store.js'

export interface BaselineQuestion {
  readonly product: ProductId
  /** The days the baseline is made from. */
  readonly baseline: Slot
  readonly period: Slot
}

type Day = BaselinePoint & Pick<UnitEnergyRecord, 'start'>

/**
 * Energy expected for the output made, day by day, from the stored daily figures: a least-squares line through the days of
 * the baseline, and the running sum of what the days of the period saved against it.
 */
export function baselineOf(
  store: RecordStore,
  { product, baseline, period }: BaselineQuestion,
): EnergyReport['products'][number]['baseline'] {
  const fitted = fitBaseline(daysOf(store, product, baseline))
  if (!fitted) return 'insufficient_data'
  const days = daysOf(store, product, period)
  const verdicts = againstBaseline(fitted, days)
  return {
    n: fitted.n,
    b0: fitted.b0,
    b1: fitted.b1,
    r2: fitted.r2,
    cv_rmse: fitted.cvRmse,
    rejected: [...fitted.rejected],
    formula: fitted.formula,
    days: days.flatMap(({ start, energy }, index) => {
      const verdict = verdicts[index]
      if (!verdict) return []
      const { expected, savings, cusumSavings: cusum, extrapolated, alarm } = verdict
      return [{ start, energy, expected, savings, cusum, extrapolated, alarm }]
    }),
  }
}

/** Days whose energy and output are both known well enough for a ratio to be given, or that made nothing. */
function daysOf(store: RecordStore, product: ProductId, { start, end }: Slot): Day[] {
  const newest = new Map<number, UnitEnergyRecord>()
  for (const { record } of store.records({ stream: 'ledger', kinds: ['unit_energy'], from: start, to: end })) {
    if (record.kind !== 'unit_energy' || record.product !== product || record.period !== 'day') continue
    const known = newest.get(record.start)
    if (record.end <= end && (!known || record.revision >= known.revision)) newest.set(record.start, record)
  }
  return [...newest.values()]
    .sort((a, b) => a.start - b.start)
    .flatMap(({ start: at, energy, output, no_value: reason }) => {
      const isUsable = reason === undefined || reason === 'no_production' || reason === 'no_activity'
      return energy && output && isUsable ? [{ start: at, energy, output }] : []
    })
}
