import { invariant } from '@metergate/protocol'
import { type MeterTruth, MWS_PER_KWH, Plant, type PlantSpec, plantSpecSchema } from '@metergate/simulator'

/**
 * February 2026 of a plant with six presses, a compressor, some lamps no sub meter sees, and a main meter: three shifts
 * and the Spring Festival week at rest. The truth is whole watts held for whole minutes, summed in watt-minutes; it knows
 * nothing of registers, polls, boundaries or intervals.
 */
export const MINUTE = 60_000
export const DAY_MINUTES = 1440
export const MONTH = { start: Date.parse('2026-02-01T00:00:00+08:00'), end: Date.parse('2026-03-01T00:00:00+08:00') }
/** Played before and after the month, so that its own boundaries lie between readings. */
export const MARGIN_MINUTES = 60
const FIRST_MINUTE = MONTH.start - MARGIN_MINUTES * MINUTE
const MINUTES = (MONTH.end - MONTH.start) / MINUTE + 2 * MARGIN_MINUTES

/** Days of the month (0 = the 1st) on which the plant rests: 14 to 22 February. */
export const isFestival = (day: number): boolean => day >= 13 && day < 22
export const PRESSES = ['press-1', 'press-2', 'press-3', 'press-4', 'press-5', 'press-6'] as const
export const SUB_METERS = [...PRESSES, 'compressor'] as const
export type MonthMeter = (typeof SUB_METERS)[number] | 'main' | 'counter'
const COMPRESSOR = 6
const LAMPS = 7

/** The whole of the 2nd without a way to the cloud. */
export const NO_NETWORK = { from: instant(1, 0), to: instant(2, 0) }
/** The box without power on the 3rd from 14:00 to 17:00; the meters count on. */
export const BOX_OFF = { from: instant(2, 840), to: instant(2, 1020) }
/** The old meter of press 3 stops on the 3rd at 09:20; the new one begins twelve minutes later. */
export const EXCHANGE = { meter: 'press-3', from: instant(2, 560), to: instant(2, 572) } as const
/** The compressor's meter off the line on the 25th from 10:05 to 10:55. */
export const LINE_OFF = { meter: 'compressor', from: instant(24, 605), to: instant(24, 655) } as const

function instant(day: number, minute: number): number {
  return MONTH.start + (day * DAY_MINUTES + minute) * MINUTE
}

/** Watts of a consumer through a minute of the month, from its place in the shift alone: repeatable, no chance. */
function watts(consumer: number, minute: number): number {
  const day = Math.floor(minute / DAY_MINUTES)
  const ofDay = ((minute % DAY_MINUTES) + DAY_MINUTES) % DAY_MINUTES
  if (consumer === COMPRESSOR) return isFestival(day) ? 300 : 7000 + ((Math.abs(minute) * 37) % 4000)
  if (consumer === LAMPS) return isFestival(day) ? 400 : 3600
  if (isFestival(day)) return 180
  if (stands(consumer, day, ofDay)) return 2200 + ((Math.abs(minute) * 13 + consumer * 5) % 90)
  return 24_000 + consumer * 1500 + ((Math.abs(minute) * 7919 + consumer * 104_729) % 9000)
}

/** Half an hour's break in each shift, and every fifth day the first shift of a press stands for a mould change. */
function stands(consumer: number, day: number, ofDay: number): boolean {
  const isBreak = ofDay % 480 >= 230 && ofDay % 480 < 260
  return isBreak || ((consumer * 7 + day) % 5 === 0 && ofDay < 480)
}

const runs = (consumer: number, minute: number): boolean => consumer < COMPRESSOR && watts(consumer, minute) > 10_000

/** Running sums by minute of one consumer: watt-minutes, var-minutes, pairs (two a minute while it runs). */
interface Sums {
  readonly watts: readonly number[]
  readonly wattMinutes: readonly number[]
  readonly varMinutes: readonly number[]
  readonly pairs: readonly number[]
}

const VARS_PER_THOUSAND = 620

function sumsOf(consumers: readonly number[]): Sums {
  const sums = { watts: [0].slice(1), wattMinutes: [0], varMinutes: [0], pairs: [0] }
  for (let minute = -MARGIN_MINUTES; minute < MINUTES - MARGIN_MINUTES; minute++) {
    const now = consumers.reduce((all, consumer) => all + watts(consumer, minute), 0)
    const index = minute + MARGIN_MINUTES
    sums.watts.push(now)
    sums.wattMinutes.push((sums.wattMinutes[index] ?? 0) + now)
    sums.varMinutes.push((sums.varMinutes[index] ?? 0) + Math.round((now * VARS_PER_THOUSAND) / 1000))
    sums.pairs.push((sums.pairs[index] ?? 0) + 2 * consumers.filter((consumer) => runs(consumer, minute)).length)
  }
  return sums
}

const CONSUMERS: Readonly<Record<MonthMeter, readonly number[]>> = {
  'press-1': [0],
  'press-2': [1],
  'press-3': [2],
  'press-4': [3],
  'press-5': [4],
  'press-6': [5],
  compressor: [COMPRESSOR],
  main: [0, 1, 2, 3, 4, 5, COMPRESSOR, LAMPS],
  counter: [0, 1, 2, 3],
}
const known = new Map<MonthMeter, Sums>()

function sums(meter: MonthMeter): Sums {
  const found = known.get(meter) ?? sumsOf(CONSUMERS[meter])
  known.set(meter, found)
  return found
}

/** Watt-milliseconds of a meter's consumers from the first minute played up to an instant; exact. */
function energyUntil(meter: MonthMeter, at: number, of: 'wattMinutes' | 'varMinutes' = 'wattMinutes'): bigint {
  const { watts: now, [of]: total } = sums(meter)
  const minute = Math.min(MINUTES - 1, Math.max(0, Math.floor((at - FIRST_MINUTE) / MINUTE)))
  const inside = Math.max(0, Math.min(MINUTE, at - FIRST_MINUTE - minute * MINUTE))
  const power = of === 'wattMinutes' ? (now[minute] ?? 0) : Math.round(((now[minute] ?? 0) * VARS_PER_THOUSAND) / 1000)
  return BigInt(total[minute] ?? 0) * BigInt(MINUTE) + BigInt(power) * BigInt(inside)
}

/** What the consumers of a meter took between two instants, in watt-milliseconds, whatever any meter saw. */
export const consumed = (meter: MonthMeter, from: number, to: number): bigint =>
  energyUntil(meter, to) - energyUntil(meter, from)

/** The same for reactive energy, var-milliseconds. */
export const consumedReactive = (meter: MonthMeter, from: number, to: number): bigint =>
  energyUntil(meter, to, 'varMinutes') - energyUntil(meter, from, 'varMinutes')

/** Good pairs made on these meters' presses between two whole minutes. */
export function pairsMade(meters: readonly MonthMeter[], from: number, to: number): number {
  const index = (at: number) => Math.min(MINUTES, Math.max(0, Math.floor((at - FIRST_MINUTE) / MINUTE)))
  return meters.reduce((all, meter) => {
    const { pairs } = sums(meter)
    return all + (pairs[index(to)] ?? 0) - (pairs[index(from)] ?? 0)
  }, 0)
}

/** Watt-milliseconds as kWh, for comparison only. */
export const toKwh = (mws: bigint): number => Number(mws) / Number(MWS_PER_KWH)

/** Where the registers stand at the first minute; press 1 is 600 kWh short of its register's end. */
const START_KWH: Readonly<Record<MonthMeter, string>> = {
  'press-1': '999400.00',
  'press-2': '4711.00',
  'press-3': '18230.50',
  'press-4': '77.25',
  'press-5': '120000.00',
  'press-6': '9.99',
  compressor: '65000.00',
  main: '812345.60',
  counter: '0',
}
/** What the new meter of press 3 shows when it is put in. */
export const NEW_METER_KWH = '1.23'
const kwhInMws = (text: string): bigint => BigInt(Math.round(Number(text) * 100)) * (MWS_PER_KWH / 100n)

const isMonthMeter = (id: string): id is MonthMeter => Object.hasOwn(CONSUMERS, id)

/** The simulator's meters with this month behind their registers. */
export class MonthPlant extends Plant {
  override truthAt(meterId: string, epochMs: number): MeterTruth {
    invariant(isMonthMeter(meterId), `no meter of the month is called ${meterId}`)
    const base = super.truthAt(meterId, this.spec.since)
    const energyMws = registerOf(meterId, epochMs)
    const reactiveMvars = energyUntil(meterId, epochMs, 'varMinutes')
    const third = energyMws / 3n
    const varThird = reactiveMvars / 3n
    const { watts: now } = sums(meterId)
    const power = now[Math.min(MINUTES - 1, Math.max(0, Math.floor((epochMs - FIRST_MINUTE) / MINUTE)))] ?? 0
    const pairs = pairsMade([meterId], FIRST_MINUTE, epochMs)
    return {
      epochMs,
      energyMws,
      phaseEnergyMws: [third, third, energyMws - 2n * third],
      reactiveMvars,
      phaseReactiveMvars: [varThird, varThird, reactiveMvars - 2n * varThird],
      pieces: pairs,
      // The counter of 32 bits starts again in the first days.
      pulses: (4_294_940_000 + pairs) % 4_294_967_296,
      electrical: { ...base.electrical, activeW: [power / 3, power / 3, power / 3] },
    }
  }
}

/** What a meter has counted, its end and its digits left aside; watt-milliseconds. */
export function registerOf(meter: MonthMeter, at: number): bigint {
  const start = kwhInMws(START_KWH[meter])
  if (meter !== EXCHANGE.meter || at < EXCHANGE.from) return start + energyUntil(meter, at)
  if (at < EXCHANGE.to) return start + energyUntil(meter, EXCHANGE.from)
  return kwhInMws(NEW_METER_KWH) + consumed(meter, EXCHANGE.to, at)
}

const MODULUS_KWH = 1_000_000n

/** What the register of a meter showed at an instant, kWh: cut off to its own digit, CT applied, over its end from zero again. */
export function shownRegister(meter: MonthMeter, at: number): number {
  const ct = BigInt(UNITS.find(({ id }) => id === meter)?.ct ?? 1)
  const hundredths = (registerOf(meter, at) * 100n) / (MWS_PER_KWH * ct)
  return Number((hundredths % (MODULUS_KWH * 100n)) * ct) / 100
}

/** The last register of the old meter of press 3 as its display shows it, kWh cut off at two decimals. */
export function oldMeterKwh(): string {
  const hundredths = (registerOf(EXCHANGE.meter, EXCHANGE.from) * 100n) / MWS_PER_KWH
  return `${hundredths / 100n}.${String(hundredths % 100n).padStart(2, '0')}`
}

const UNITS: readonly { readonly id: MonthMeter; readonly profile: string; readonly ct?: number }[] = [
  { id: 'main', profile: 'acrel-dtsd1352', ct: 60 },
  { id: 'press-1', profile: 'hiking-dds238-2' },
  ...(['press-2', 'press-3', 'press-4', 'press-5', 'press-6', 'compressor'] as const).map((id) => ({
    id,
    profile: 'acrel-dtsd1352',
  })),
  { id: 'counter', profile: 'advantech-adam-4150' },
]

/** The meters as the simulator wants them; what its own loads would draw is never asked for. */
export function monthSpec(): PlantSpec {
  return plantSpecSchema.parse({
    seed: 5,
    since: FIRST_MINUTE,
    loads: [{ id: 'none', kind: 'constant', ratedW: 1 }],
    meters: UNITS.map(({ id, profile, ct }, index) => ({
      id,
      profile,
      unit: index + 1,
      loads: ['none'],
      refreshMs: 0,
      ...(ct === undefined ? {} : { ct }),
    })),
  })
}
