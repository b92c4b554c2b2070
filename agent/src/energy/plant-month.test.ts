import {
  type Amount,
  add,
  amount,
  compare,
  epochMs,
  formatAmount,
  type MeterId,
  meterIdSchema,
  productIdSchema,
  subtract,
  toNumber,
} from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import type { IntervalDraft } from './interval.js'
import { type CutterOutput, IntervalCutter } from './interval-cutter.js'
import { matchSpans } from './match.js'
import { balanceGap, groupEnergy, meterGroupSchema } from './meter-group.js'
import { PlantZone } from './plant-time.js'
import { type ProductCounter, productionOf } from './production.js'
import { slotsOf, sum } from './spans.js'
import { splitByTariff } from './tariff.js'
import { ZHEJIANG_TOU } from './tariffs/zhejiang.js'
import { unitEnergy } from './unit-energy.js'
import { windowTotal } from './window.js'

/**
 * February 2026 of a plant with six presses, a compressor and a main meter: three shifts, the Spring Festival week at
 * rest, a meter exchange, a day without readings. The truth is power held for whole minutes, summed in watt-minutes;
 * it knows nothing of registers, boundaries or intervals.
 */
const MINUTE = 60_000
/** 0.01 kWh in watt-minutes. */
const DIGIT = 600
/** 9990.00 kWh: ten short of the registers' end. */
const FIRST_REGISTER = 999_000
const zone = new PlantZone('Asia/Shanghai')
const month = { start: zone.midnight(2026, 2, 1), end: zone.midnight(2026, 3, 1) }
const minutesOfMonth = (month.end - month.start) / MINUTE
const DAY = 1440
const presses = [1, 2, 3, 4, 5, 6].map((number) => meterIdSchema.parse(`press-${number}`))
const compressor = meterIdSchema.parse('compressor')
const main = meterIdSchema.parse('main')
const consumers = [...presses, compressor]
const product = productIdSchema.parse('eva-slipper')

/** Silent from noon to noon, days 10 to 11; the exchange of press 3 at 09:20 of day 5 takes 12 minutes. */
const isSilent = (minute: number) => minute > 10 * DAY + 720 && minute < 11 * DAY + 720
const EXCHANGE = 5 * DAY + 560
const EXCHANGE_MINUTES = 12

/** Watts of a consumer through a minute, from its place in the shift alone: repeatable, no chance. */
function watts(consumer: number, minute: number): number {
  const day = Math.floor(minute / DAY)
  const ofDay = minute % DAY
  const isFestival = day >= 14 && day < 23
  if (consumer === 6) return isFestival ? 300 : 7000 + ((minute * 37) % 4000)
  if (isFestival) return 180
  const isBreak = ofDay % 480 >= 230 && ofDay % 480 < 260
  const stops = (consumer * 7 + day) % 5 === 0 && ofDay < 480
  if (isBreak || stops) return 2200 + ((minute * 13 + consumer * 5) % 90)
  return 24_000 + consumer * 1500 + ((minute * 7919 + consumer * 104_729) % 9000)
}
const runs = (consumer: number, minute: number) => consumer < 6 && watts(consumer, minute) > 10_000

interface Played {
  readonly meter: MeterId
  readonly intervals: readonly IntervalDraft[]
  readonly codes: readonly string[]
  /** Watt-minutes from the first to the last reading, without what no meter saw. */
  readonly truth: number
  /** Watt-minutes by minute, counted up. */
  readonly counted: readonly number[]
  readonly shots: number
}

function play(
  meter: MeterId,
  power: (minute: number) => number,
  shoots: (minute: number) => boolean,
  exchange?: number,
): Played {
  const cutter = new IntervalCutter({
    meter,
    zone,
    minutes: 15,
    periodMs: MINUTE,
    counters: [
      { quantity: 'energy_active_import_total', modulus: amount(10_000, 0), maxPerHour: amount(400, 0) },
      { quantity: 'pulse_count_1', modulus: amount(65_536, 0), maxPerHour: amount(1000, 0) },
    ],
  })
  const outputs: CutterOutput[] = []
  const counted: number[] = [0]
  let register = FIRST_REGISTER * DIGIT
  let shots = 65_000
  let unmetered = 0
  for (let minute = 0; minute <= minutesOfMonth; minute++) {
    const at = epochMs(month.start + minute * MINUTE)
    const isOff = exchange !== undefined && minute > exchange && minute < exchange + EXCHANGE_MINUTES
    const digits = Math.floor(register / DIGIT) % 1_000_000
    const poll = {
      at,
      values: [
        { quantity: 'energy_active_import_total' as const, value: amount(digits, -2) },
        { quantity: 'pulse_count_1' as const, value: amount(shots % 65_536, 0) },
      ],
    }
    if (minute === exchange) {
      outputs.push(cutter.change({ cause: 'meter_exchange', at, oldEnd: poll }))
      register = 123 * DIGIT
    } else if (!isOff && !isSilent(minute)) outputs.push(cutter.read(poll))
    const now = power(minute)
    counted.push((counted[minute] ?? 0) + now)
    const isMetered = exchange === undefined || minute < exchange || minute >= exchange + EXCHANGE_MINUTES
    if (isMetered) register += now
    else unmetered += now
    if (shoots(minute)) shots += 2
  }
  const truth = (counted[minutesOfMonth] ?? 0) - unmetered
  const intervals = outputs.flatMap((output) => output.intervals)
  return {
    meter,
    intervals,
    codes: outputs.flatMap(({ events }) => events.map(({ code }) => code)),
    truth,
    counted,
    shots: shots - 65_000,
  }
}

const played = [
  ...presses.map((meter, index) =>
    play(
      meter,
      (minute) => watts(index, minute),
      (minute) => runs(index, minute),
      index === 2 ? EXCHANGE : undefined,
    ),
  ),
  play(
    compressor,
    (minute) => watts(6, minute),
    () => false,
  ),
  play(
    main,
    (minute) => [0, 1, 2, 3, 4, 5, 6].reduce((all, consumer) => all + watts(consumer, minute), 0),
    () => false,
  ),
]
const kwhOf = (wattMinutes: number): Amount => amount(Math.floor((wattMinutes * 100) / DIGIT), -4)
const digits = (count: number): Amount => amount(count, -2)
const intervals = played.flatMap((one) => one.intervals)
const isWithin = (seen: Amount, truth: Amount, margin: Amount) => {
  const off = subtract(seen, truth)
  return compare({ n: Math.abs(off.n), exp: off.exp }, margin) <= 0
}

describe('a month of a plant', () => {
  it('measures every meter’s month to the truth within one digit for each segment', () => {
    for (const { meter, intervals: own, truth } of played) {
      const window = windowTotal({ period: month, zone, minutes: 15, intervals: own })
      expect([meter, isWithin(window.total, kwhOf(truth), digits(meter === 'press-3' ? 2 : 1))]).toEqual([meter, true])
    }
  })

  it('gives each measured interval to the truth within one digit', () => {
    for (const { intervals: own, counted } of played) {
      for (const { start, end, deltas } of own) {
        const [energy] = deltas
        if (energy?.flag !== 'measured' || energy.parts || !energy.delta) continue
        const [from, to] = [start, end].map((at) => counted[(at - month.start) / MINUTE] ?? Number.NaN)
        expect(isWithin(energy.delta, kwhOf((to ?? 0) - (from ?? 0)), digits(1))).toBe(true)
      }
    }
  })

  it('marks exactly the silent day as estimated, and its total as measured', () => {
    const own = played[0]?.intervals ?? []
    const silent = {
      start: epochMs(month.start + (10 * DAY + 720) * MINUTE),
      end: epochMs(month.start + (11 * DAY + 720) * MINUTE),
    }
    const window = windowTotal({ period: silent, zone, minutes: 15, intervals: own })
    const { counted = [] } = played[0] ?? {}
    const truth = (counted[11 * DAY + 720] ?? 0) - (counted[10 * DAY + 720] ?? 0)
    expect([window.expectedCount, window.estimatedCount, window.totalQuality]).toEqual([96, 96, 'measured'])
    expect(isWithin(window.total, kwhOf(truth), digits(1))).toBe(true)
    expect(windowTotal({ period: month, zone, minutes: 15, intervals: own }).estimatedCount).toBe(96)
  })

  it('explains what happened with events, and nothing else', () => {
    const [press] = played
    const pulseTurns = Math.floor((65_000 + (press?.shots ?? 0)) / 65_536)
    const energyTurns = Math.floor((FIRST_REGISTER * DIGIT + (press?.truth ?? 0)) / (1_000_000 * DIGIT))
    const turns = Array(energyTurns + pulseTurns).fill('register_rollover')
    expect([...(press?.codes ?? [])].sort()).toEqual(['reading_gap', ...turns])
    expect(played[2]?.codes.filter((code) => code === 'meter_exchange')).toHaveLength(1)
  })

  it('gives the energy per product of the month: ratio of sums over matched hours', () => {
    const counters = presses.map(
      (meter): ProductCounter => ({
        product,
        meter,
        quantity: 'pulse_count_1',
        source: 'cycle_signal',
        unit: 'pair',
        perCount: amount(2, 0),
      }),
    )
    const production = counters.flatMap((counter) =>
      intervals.flatMap((interval) => productionOf(interval, counter) ?? []),
    )
    const spans = matchSpans({
      period: month,
      zone,
      minutes: 15,
      spanMinutes: 60,
      product,
      meters: consumers,
      intervals,
      production,
    })
    const seen = unitEnergy(spans)
    const made = played.reduce((all, { shots }) => all + shots * 2, 0)
    const used = played.slice(0, 7).reduce((all, { truth }) => all + truth, 0) / 60_000
    expect(seen.reason).toBeNull()
    // Shots fired while press 3 had no meter are counted by no one; so is the hour's energy there.
    expect(Math.abs(toNumber(seen.value ?? amount(0, 0)) / (used / made) - 1)).toBeLessThan(0.001)
    expect(seen.matchedMs / seen.expectedMs).toBeGreaterThan(0.998)
  })

  it('balances the main meter against its consumers, and splits the month over the tariff exactly', () => {
    const slots = slotsOf(month, zone, 15)
    const line = (meter: MeterId) => groupEnergy(meterGroupSchema.parse({ id: 'one', add: [meter] }), slots, intervals)
    const gap = balanceGap(line(main), consumers.map(line))
    expect(gap.isBeyond).toBe(false)
    expect(Math.abs(toNumber(gap.share ?? amount(1, 0)))).toBeLessThan(0.002)
    const mainLine = line(main).flatMap(({ energy }, index) => {
      const slot = slots[index]
      return energy && slot ? [{ start: slot.start, energy }] : []
    })
    const split = splitByTariff(mainLine, ZHEJIANG_TOU, zone)
    expect(formatAmount(add(split.total, digits(0)))).toBe(formatAmount(sum(mainLine.map(({ energy }) => energy))))
    expect(toNumber(split.energy.deep_valley)).toBeGreaterThan(0)
    expect(toNumber(split.energy.sharp)).toBe(0)
  })
})
