import { type Amount, epochMs, type IntervalRecord, multiply, ratio, subtract } from '@metergate/protocol'
import type { EnergyReport } from '../control/calls.js'
import type { RestDays } from '../energy/loads.js'
import { reactiveEnergy } from '../energy/meter-figures.js'
import type { PlantZone, Slot } from '../energy/plant-time.js'
import { slotEnergy, sum } from '../energy/spans.js'
import {
  type SpikeVerdict,
  type VeeContext,
  type VeeFinding,
  type VeeInterval,
  validateDay,
  verdictOnSpike,
} from '../energy/vee.js'
import { type VeeLimits, veeCheck } from '../energy/vee-table.js'

const IMPORT = 'energy_active_import_total'
/** Days before, of which the usual day is the mean. */
const USUAL_DAYS = 7

/** A day of one meter for the checks: its grid and newest intervals. */
export interface CheckedDay {
  readonly day: Slot
  readonly slots: readonly Slot[]
  readonly intervals: ReadonlyMap<number, IntervalRecord>
}

/** What the site says about its checks. */
export interface CheckRules {
  readonly zone: PlantZone
  readonly contractKw?: Amount | undefined
  readonly limits?: VeeLimits | undefined
  readonly isRestDay?: RestDays | undefined
}

/**
 * Validates whole civil days of one meter, in order; each day's usual use is the mean of up to seven days of its kind
 * (rest day or not) before it in the list: a closed Sunday is no low Monday. Findings are said beside the figures and change none.
 */
export function checkDays(meter: string, days: readonly CheckedDay[], rules: CheckRules): EnergyReport['checks'] {
  const { zone, contractKw, limits = {}, isRestDay } = rules
  const totalsOf: Record<'rest' | 'work', Amount[]> = { rest: [], work: [] }
  return days.flatMap(({ day, slots, intervals }) => {
    const seen = slots.map((slot) => veeInterval(slot, intervals.get(slot.start)))
    const totals = totalsOf[isRestDay?.(zone.local(day.start)) ? 'rest' : 'work']
    const usual = totals.slice(-USUAL_DAYS)
    const usualDay = usual.length >= 3 ? ratio(sum(usual), { n: usual.length, exp: 0 }, -6) : undefined
    const known = seen.flatMap(({ energy }) => energy ?? [])
    if (known.length === seen.length) totals.push(sum(known))
    const context: VeeContext = {
      limits,
      ...(usualDay ? { usualDay } : {}),
      ...(contractKw ? { contractKw } : {}),
      ...registerOf(slots, intervals),
    }
    const negative = [...intervals.values()].flatMap((one) => negativeOf(one, day))
    const found = validateDay(seen, context)
    const verdict = verdictOnSpike(found, context.register !== undefined && known.length === seen.length)
    return [...found, ...negative].map((one) => asCheck(meter, one, verdict === 'none' ? undefined : verdict))
  })
}

/** A finding as the report names it, a spike with what it is. */
export function asCheck(
  meter: string,
  { check, start, end, value, limit }: VeeFinding,
  verdict?: SpikeVerdict,
): EnergyReport['checks'][number] {
  const { severity } = veeCheck(check)
  const said = check === 'spike' && verdict ? { verdict } : {}
  return { meter, check, severity, start: epochMs(start), end: epochMs(end), value, limit, ...said }
}

/** Civil days that lie wholly in the span. */
export function wholeDays({ start, end }: Slot, zone: PlantZone): Slot[] {
  const days: Slot[] = []
  for (let day = zone.day(start); day.end <= end; day = zone.day(day.end)) if (day.start >= start) days.push(day)
  return days
}

function veeInterval({ start, end }: Slot, interval: IntervalRecord | undefined): VeeInterval {
  const { energy, estimated } = slotEnergy(interval, IMPORT)
  const delta = interval?.deltas.find(({ quantity }) => quantity === IMPORT)
  const meteredMs = delta?.parts?.reduce((ms, part) => ms + part.end - part.start, 0)
  return {
    start,
    end,
    energy,
    estimated,
    reactive: interval ? reactiveEnergy(interval) : null,
    // Power was read, so the meter was alive: zero energy is then no outage.
    hasVoltage: interval?.power != null,
    ...(meteredMs === undefined ? {} : { meteredMs }),
  }
}

/** The register's own difference over the day, only within one segment: the sum check sets the intervals against it. */
function registerOf(
  slots: readonly Slot[],
  intervals: ReadonlyMap<number, IntervalRecord>,
): Pick<VeeContext, 'register'> {
  const deltas = slots.map(({ start }) => intervals.get(start)?.deltas.find(({ quantity }) => quantity === IMPORT))
  const [first, last] = [deltas[0], deltas.at(-1)]
  if (!first?.from || !last?.to || deltas.some((delta) => !delta || delta.parts)) return {}
  const multiplier = intervals.get(slots[0]?.start ?? 0)?.multiplier ?? { n: 1, exp: 0 }
  const difference = multiply(subtract(last.to, first.from), multiplier)
  // Below zero the register rolled over within the day: the checks of the cutter have judged that.
  return difference.n < 0 ? {} : { register: { difference, step: { n: 1, exp: first.from.exp } } }
}

/** The cutter saw the register fall: it said so in the interval's own checks. */
function negativeOf(interval: IntervalRecord, day: Slot): VeeFinding[] {
  if (interval.start < day.start || interval.start >= day.end) return []
  const delta = interval.deltas.find(({ quantity }) => quantity === IMPORT)
  if (!delta?.checks?.includes('negative')) return []
  return [{ check: 'negative', start: interval.start, end: interval.end, value: 'fell', limit: 'never' }]
}
