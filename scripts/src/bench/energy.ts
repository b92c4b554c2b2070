import { IntervalCutter, matchSpans, PlantZone, type ProductCounter, productionOf, unitEnergy } from '@metergate/agent'
import { amount, epochMs, type MeterId, meterIdSchema, productIdSchema } from '@metergate/protocol'

const DAY = 86_400_000
const START = Date.parse('2026-03-01T00:00:00+08:00')
const DAYS = 31

/** What recomputing a month of quarter hours costs. */
export interface EnergyBench {
  readonly meters: number
  readonly intervals: number
  readonly readings: number
  /** From registers read once a quarter hour, as the ledger keeps them. */
  readonly fromBoundariesMs: number
  /** From a reading a minute. */
  readonly fromMinutesMs: number
  /** Unit energy of the month over all meters, from the intervals. */
  readonly unitEnergyMs: number
}

/** Recomputes a month of `meters` meters; `now` in milliseconds, monotonic. */
export function benchEnergy(now: () => number, meters = 32): EnergyBench {
  const zone = new PlantZone('Asia/Shanghai')
  const ids = Array.from({ length: meters }, (_, index) => meterIdSchema.parse(`meter-${index + 1}`))
  const coarse = timed(now, () => ids.map((id) => recompute(zone, id, 900_000)))
  const fine = timed(now, () => ids.map((id) => recompute(zone, id, 60_000)))
  const intervals = fine.value.flatMap((one) => one.intervals)
  const product = productIdSchema.parse('sole')
  const figure = timed(now, () => {
    const [meter] = ids
    const counter: ProductCounter | undefined = meter && {
      product,
      meter,
      quantity: 'pulse_count_1',
      source: 'counter',
      unit: 'pair',
      perCount: amount(1, 0),
    }
    const production = counter ? intervals.flatMap((interval) => productionOf(interval, counter) ?? []) : []
    const period = { start: epochMs(START), end: epochMs(START + DAYS * DAY) }
    return unitEnergy(
      matchSpans({ period, zone, minutes: 15, spanMinutes: 60, product, meters: ids, intervals, production }),
    )
  })
  return {
    meters,
    intervals: intervals.length,
    readings: fine.value.reduce((all, one) => all + one.readings, 0),
    fromBoundariesMs: coarse.ms,
    fromMinutesMs: fine.ms,
    unitEnergyMs: figure.ms,
  }
}

function recompute(zone: PlantZone, meter: MeterId, periodMs: number) {
  const cutter = new IntervalCutter({
    meter,
    zone,
    minutes: 15,
    periodMs,
    counters: [
      { quantity: 'energy_active_import_total', modulus: amount(100_000_000, -2), maxPerHour: amount(400, 0) },
      { quantity: 'pulse_count_1', modulus: amount(65_536, 0) },
    ],
  })
  let [register, pulses, readings] = [1_234_500, 65_000, 0]
  const intervals = []
  for (let at = START; at <= START + DAYS * DAY; at += periodMs) {
    register += (at / periodMs) % 3
    pulses += 1
    readings += 1
    const { intervals: finished } = cutter.read({
      at: epochMs(at),
      values: [
        { quantity: 'energy_active_import_total', value: amount(register, -2) },
        { quantity: 'pulse_count_1', value: amount(pulses % 65_536, 0) },
      ],
      power: amount(15_000 + (readings % 77), 0),
    })
    intervals.push(...finished)
  }
  return { intervals, readings }
}

function timed<T>(now: () => number, work: () => T): { readonly value: T; readonly ms: number } {
  const start = now()
  const value = work()
  return { value, ms: Math.round(now() - start) }
}
