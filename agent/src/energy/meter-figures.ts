import { type Amount, amount, type EpochMs, type QuantityName } from '@metergate/protocol'
import { type DemandPeak, loadFactor, maxDemand, meanPower, type PowerLine } from './demand.js'
import type { IntervalDraft } from './interval.js'
import {
  baseLoad,
  type Figure,
  type IntervalPower,
  meanKw,
  nightShare,
  type RestDays,
  restDayLoad,
  runMinutes,
  runThreshold,
} from './loads.js'
import type { IntervalMinutes, PlantZone, Slot } from './plant-time.js'
import { powerFactorHundredths } from './power-factor.js'
import { knownEnergy, slotEnergy, slotsOf, sum, sumKnown } from './spans.js'
import { LEAST_MATCHED } from './unit-energy.js'
import { type WindowTotal, windowTotal } from './window.js'

const IMPORT: QuantityName = 'energy_active_import_total'
const REACTIVE: readonly QuantityName[] = ['energy_reactive_import_total', 'energy_reactive_export_total']
const DEMAND_MINUTES = 15
/** Base load looks at this much of the end of a period. */
const BASE_LOAD_MS = 7 * 86_400_000

/** What one meter's intervals say about a window of time. Powers in kW, energies in kWh, reactive in kvarh. */
export interface MeterFigures {
  readonly total: WindowTotal
  /** Greatest mean over a quarter hour on the clock (区间); null when the grid is coarser or none is complete. */
  readonly demandBlock: DemandPeak | null
  /** Greatest mean over any quarter hour by the minute (滑差): only from intervals of a minute. */
  readonly demandSliding: DemandPeak | null
  /** Mean ÷ greatest block demand. */
  readonly loadFactor: Amount | null
  /** Lag and lead added; null when the meter counts no reactive energy. */
  readonly reactive: Amount | null
  /** Ep / √(Ep² + Eq²) in hundredths, over intervals where both are known. */
  readonly powerFactorHundredths: number | null
  readonly baseLoad: Figure
  readonly restDayLoad: Figure
  readonly nightShare: Figure
  /** Power between idling and running, and minutes of each; null for a machine that knows one mode only. */
  readonly run: { readonly thresholdKw: Amount; readonly idle: number; readonly run: number } | null
}

/** Works out all figures of one meter; `intervals` hold its newest revisions by start. */
export function meterFigures(
  period: Slot,
  zone: PlantZone,
  minutes: IntervalMinutes,
  intervals: ReadonlyMap<number, IntervalDraft>,
  isRestDay?: RestDays,
): MeterFigures {
  const powers = powersOf(slotsOf(period, zone, minutes), intervals)
  const line: PowerLine = { start: period.start, stepMs: minutes * 60_000, kw: powers.map(({ kw }) => kw) }
  const demandBlock = quarterDemand(line, minutes, zone, DEMAND_MINUTES / minutes)
  const known = powers.flatMap(({ start, energy }) => (energy ? [{ start, energy }] : []))
  const { reactive, hundredths } = powerFactor(intervals.values())
  return {
    total: windowTotal({ period, zone, minutes, intervals: intervals.values() }),
    demandBlock,
    demandSliding: minutes === 1 ? quarterDemand(line, minutes, zone, 1) : null,
    loadFactor: loadFactor(meanPower(line), demandBlock),
    reactive,
    powerFactorHundredths: hundredths,
    baseLoad: baseLoad(powers.filter(({ start }) => start >= period.end - BASE_LOAD_MS)),
    restDayLoad: restDayLoad(powers, isRestDay, zone),
    nightShare: nightShare(known, zone),
    run: runOf(powers),
  }
}

/**
 * Energies that may be split over a tariff: all that the registers saw, by interval start, so that the split adds up to the
 * window's total. Of an interval metered in part that is its part; how much of the time is covered is said beside it.
 */
export function knownEnergies(
  intervals: Iterable<IntervalDraft>,
): { readonly start: EpochMs; readonly energy: Amount }[] {
  return [...intervals].flatMap((one) => {
    const energy = knownEnergy(one, IMPORT)
    return energy ? [{ start: one.start, energy }] : []
  })
}

type SlotPower = IntervalPower & { readonly energy: Amount | null }

function powersOf(slots: readonly Slot[], intervals: ReadonlyMap<number, IntervalDraft>): SlotPower[] {
  return slots.map(({ start, end }) => {
    const { energy, estimated } = slotEnergy(intervals.get(start), IMPORT)
    return { start, end, energy, kw: energy && meanKw(energy, start, end), measured: energy !== null && !estimated }
  })
}

function quarterDemand(
  line: PowerLine,
  minutes: IntervalMinutes,
  zone: PlantZone,
  stepPeriods: number,
): DemandPeak | null {
  const periods = DEMAND_MINUTES / minutes
  return Number.isInteger(periods) ? maxDemand(line, { periods, stepPeriods }, zone) : null
}

/**
 * Only intervals in which active and reactive energy are both known: a factor of unlike times would mean nothing. Null where
 * these are too few of those with active energy, since the reactive sum would then pass for the whole span's.
 */
function powerFactor(intervals: Iterable<IntervalDraft>): { reactive: Amount | null; hundredths: number | null } {
  const active: Amount[] = []
  const reactive: Amount[] = []
  let known = 0
  for (const one of intervals) {
    const { energy } = slotEnergy(one, IMPORT)
    if (!energy) continue
    known += 1
    const both = reactiveEnergy(one)
    if (!both) continue
    active.push(energy)
    reactive.push(both)
  }
  if (reactive.length === 0 || reactive.length * 1000 < known * LEAST_MATCHED)
    return { reactive: null, hundredths: null }
  const total = sum(reactive)
  return { reactive: total, hundredths: powerFactorHundredths(sum(active), total) }
}

/** Lag and lead added; null where a register that the meter has says nothing, which is not zero. */
export function reactiveEnergy(interval: IntervalDraft): Amount | null {
  const own = REACTIVE.filter((name) => interval.deltas.some(({ quantity }) => quantity === name))
  return own.length > 0 ? sumKnown(own.map((name) => slotEnergy(interval, name).energy)) : null
}

function runOf(powers: readonly SlotPower[]): MeterFigures['run'] {
  const threshold = runThreshold(powers.flatMap(({ kw }) => kw ?? []))
  if (!threshold.value) return null
  const { idle, run } = runMinutes(powers, threshold.value)
  return { thresholdKw: threshold.value, idle, run }
}

/** A share as whole per mille, rounded down, for coverage: 1000 only when all is there. */
export const downToPerMille = (share: Amount): number => Math.floor((share.n * 1000) / 10 ** -share.exp)

export const NO_ENERGY: Amount = amount(0, 0)
