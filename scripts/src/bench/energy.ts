import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  EnergyDesk,
  IntervalCutter,
  matchSpans,
  PlantZone,
  type ProductCounter,
  productionOf,
  unitEnergy,
} from '@metergate/agent'
import { amount, bootId, epochMs, type MeterId, meterIdSchema, monoMs, productIdSchema } from '@metergate/protocol'

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

const KEPT_DAYS = 4

/** What the energy desk keeps in memory after some days of readings a minute, MiB of heap. */
export function energyMemory(meters = 32): { readonly meters: number; readonly heapMiB: number } {
  const ids = Array.from({ length: meters }, (_, index) => meterIdSchema.parse(`meter-${index + 1}`))
  const before = heapMiB()
  const desk = EnergyDesk.fresh({
    zone: new PlantZone('Asia/Shanghai'),
    minutes: 15,
    meters: ids.map((id) => ({ id, periodMs: 60_000, counters: [{ quantity: 'energy_active_import_total' }] })),
    products: [{ id: productIdSchema.parse('sole'), unit: 'pair', meters: ids, counters: [] }],
    shifts: [],
  })
  let given = 0
  for (let minute = 0; minute < KEPT_DAYS * 1440; minute++) given += feed(desk, ids, minute)
  const heap = heapMiB() - before
  // Read after measuring, so that nothing of the desk can have been collected before.
  return { meters: given > 0 && desk.checkpoint().length > 0 ? meters : 0, heapMiB: heap }
}

function feed(desk: EnergyDesk, ids: readonly MeterId[], minute: number): number {
  const at = epochMs(START + minute * 60_000)
  const stamp = { boot: bootId('bench'), mono: monoMs(minute * 60_000), wall: at, quality: 'S' as const }
  return ids.reduce((given, meter) => {
    const value = amount(1_000_000 + 50 * minute, -2)
    const values = [{ quantity: 'energy_active_import_total' as const, block: 0, value }]
    return given + desk.take({ kind: 'reading', stamp, meter, group: 'energy', blocks: [0], values }, at).length
  }, 0)
}

/** Heap in use after everything that can be collected has been. */
function heapMiB(): number {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect === 'function') collect()
  return process.memoryUsage().heapUsed / 2 ** 20
}
