import {
  type Amount,
  amount,
  epochMs,
  formatAmount,
  type MeterId,
  meterIdSchema,
  productIdSchema,
} from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import type { IntervalDraft } from './interval.js'
import { IntervalCutter } from './interval-cutter.js'
import { type MatchQuestion, matchSpans, outputOf } from './match.js'
import { PlantZone, type Slot } from './plant-time.js'
import {
  correct,
  declare,
  entriesInForce,
  type ProductCounter,
  type ProductionDraft,
  productionOf,
  withdraw,
} from './production.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const T0 = Date.parse('2026-03-10T08:00:00+08:00')
const zone = new PlantZone('Asia/Shanghai')
const press = meterIdSchema.parse('press-1')
const product = productIdSchema.parse('eva-slipper')
const random = { next: () => 0.5, bytes: (count: number) => new Uint8Array(count).fill(7) }
const text = (value: Amount | null | undefined) => (value ? formatAmount(value) : null)

const counter: ProductCounter = {
  product,
  meter: press,
  quantity: 'pulse_count_1',
  source: 'cycle_signal',
  unit: 'pair',
  perCount: amount(2, 0),
  reject: { quantity: 'pulse_count_2', perCount: amount(1, 0) },
}

function cutPulses(shots: (minute: number) => number, rejects: (minute: number) => number): IntervalDraft[] {
  const cutter = new IntervalCutter({
    meter: press,
    zone,
    minutes: 15,
    periodMs: MINUTE,
    counters: [
      { quantity: 'pulse_count_1', modulus: amount(65_536, 0), maxPerHour: amount(600, 0) },
      { quantity: 'pulse_count_2', modulus: amount(65_536, 0), maxPerHour: amount(600, 0) },
    ],
  })
  return Array.from({ length: 46 }, (_, minute) =>
    cutter.read({
      at: epochMs(T0 + minute * MINUTE),
      values: [
        { quantity: 'pulse_count_1', value: amount(shots(minute) % 65_536, 0) },
        { quantity: 'pulse_count_2', value: amount(rejects(minute) % 65_536, 0) },
      ],
    }),
  ).flatMap(({ intervals }) => intervals)
}

describe('product counters', () => {
  it('counts pieces over a rollover: shots × cavities − rejects', () => {
    const intervals = cutPulses(
      (minute) => 65_530 + 4 * minute,
      (minute) => 10 + Math.floor(minute / 5),
    )
    const made = intervals.map((interval) => productionOf(interval, counter))
    expect(made.map((one) => [one?.source, text(one?.count)])).toEqual([
      ['cycle_signal', '117'],
      ['cycle_signal', '117'],
      ['cycle_signal', '117'],
    ])
  })

  it('has no output record, rather than zero, for an interval whose counter was reset', () => {
    const intervals = cutPulses(
      (minute) => (minute < 20 ? 1000 + minute : minute - 20),
      () => 5,
    )
    expect(intervals.map((interval) => text(productionOf(interval, counter)?.count))).toEqual(['30', null, '30'])
  })
})

describe('two products on one counter', () => {
  it('do not erase each other, nor does a correction of one touch the other', () => {
    const [left, right] = ['left', 'right'].map((id) => ({ ...counter, product: productIdSchema.parse(id) }))
    const intervals = cutPulses(
      (minute) => minute,
      () => 0,
    ).slice(0, 1)
    const made = [left, right].flatMap((one) => intervals.flatMap((each) => (one && productionOf(each, one)) ?? []))
    const late = made.slice(0, 1).map((one) => ({ ...one, revision: 1, count: amount(28, 0) }))
    expect(entriesInForce([...made, ...late]).map((one) => [one.product, text(one.count)])).toEqual([
      ['left', '28'],
      ['right', '30'],
    ])
  })
})

describe('declared production', () => {
  const first = declare(
    { product, start: epochMs(T0), end: epochMs(T0 + 8 * HOUR), count: amount(1200, 0), unit: 'pair', shift: 'A' },
    random,
  )

  it('keeps its name over corrections, and the newest revision counts', () => {
    const second = correct(first, { count: amount(1150, 0) }, 'recount')
    expect(entriesInForce([second, first])).toEqual([
      { ...first, count: amount(1150, 0), revision: 1, reason: 'recount' },
    ])
    expect(entriesInForce([first, second, withdraw(second, 'wrong product')])).toEqual([])
  })
})

/** Hand-made intervals of one kilowatt: 0.25 kWh a quarter hour. */
function quarters(count: number, meter: MeterId = press, missing: readonly number[] = []): IntervalDraft[] {
  return Array.from({ length: count }, (_, index) => ({
    kind: 'interval' as const,
    meter,
    start: epochMs(T0 + index * 15 * MINUTE),
    end: epochMs(T0 + (index + 1) * 15 * MINUTE),
    revision: 0,
    segment: 0,
    multiplier: amount(1, 0),
    deltas: [
      {
        quantity: 'energy_active_import_total' as const,
        from: null,
        to: null,
        delta: missing.includes(index) ? null : amount(25, -2),
        flag: missing.includes(index) ? ('missing' as const) : ('measured' as const),
      },
    ],
    coverage: 1000,
    formula: 'interval/1',
  }))
}

const period: Slot = { start: epochMs(T0), end: epochMs(T0 + 8 * HOUR) }
const ask = (more: Partial<MatchQuestion> & Pick<MatchQuestion, 'production'>): MatchQuestion => ({
  period,
  zone,
  minutes: 15,
  spanMinutes: 60,
  product,
  meters: [press],
  intervals: quarters(32),
  ...more,
})
const entry = (from: number, to: number, count: number): ProductionDraft =>
  declare(
    { product, start: epochMs(T0 + from), end: epochMs(T0 + to), count: amount(count, 0), unit: 'pair' },
    { ...random, bytes: (n) => new Uint8Array(n).fill(from / MINUTE) },
  )

describe('matching output with energy', () => {
  const shown = (question: MatchQuestion) =>
    matchSpans(question).map(({ start, end, energy, output }) => [
      (start - T0) / MINUTE,
      (end - T0) / MINUTE,
      text(energy),
      text(output),
    ])

  it('sets a declared shift against exactly its own energy', () => {
    expect(shown(ask({ production: [entry(0, 4 * HOUR, 400), entry(4 * HOUR, 8 * HOUR, 500)] }))).toEqual([
      [0, 240, '4.00', '400'],
      [240, 480, '4.00', '500'],
    ])
  })

  it('cuts energy at an entry that ends off the grid, and the cuts add up', () => {
    const spans = shown(
      ask({ period: { ...period, end: epochMs(T0 + 2 * HOUR) }, production: [entry(0, 67 * MINUTE, 100)] }),
    )
    expect(spans).toEqual([
      [0, 67, '1.12', '100'],
      [67, 120, '0.88', null],
    ])
  })

  it('leaves out a declared entry that reaches beyond the period', () => {
    expect(shown(ask({ production: [entry(0, 9 * HOUR, 900)] })).every(([, , , output]) => output === null)).toBe(true)
  })

  it('does not know the energy of a span when one interval of one meter is missing', () => {
    const compressor = meterIdSchema.parse('compressor')
    const intervals = [...quarters(32), ...quarters(32, compressor, [5])]
    const spans = shown(ask({ meters: [press, compressor], intervals, production: [] }))
    expect(spans.map(([, , energy]) => energy)).toEqual(['2.00', null, '2.00', '2.00', '2.00', '2.00', '2.00', '2.00'])
  })

  it('takes the newest revision of an interval', () => {
    const [first, ...rest] = quarters(4)
    if (!first) throw new Error('no interval')
    const revised = {
      ...first,
      revision: 1,
      deltas: first.deltas.map((delta) => ({ ...delta, delta: amount(99, -2) })),
    }
    const spans = shown(
      ask({ period: { ...period, end: epochMs(T0 + HOUR) }, intervals: [revised, first, ...rest], production: [] }),
    )
    expect(spans).toEqual([[0, 60, '1.74', null]])
  })

  it('prefers what was counted to what was declared for the same time', () => {
    const counted = quarters(4).map(
      (interval): ProductionDraft => ({
        ...entry(0, 1, 25),
        entry: `counter:${interval.start}`,
        source: 'counter',
        start: interval.start,
        end: interval.end,
      }),
    )
    const spans = shown(
      ask({ period: { ...period, end: epochMs(T0 + HOUR) }, production: [...counted, entry(0, HOUR, 400)] }),
    )
    expect(spans).toEqual([[0, 60, '1.00', '100']])
  })
})

describe('a declared entry beside a counter', () => {
  const counted = (minute: number, count: number): ProductionDraft => ({
    ...entry(minute * MINUTE, (minute + 15) * MINUTE, count),
    entry: `counter:press-1/pulse_count_1:${minute}`,
    source: 'counter',
  })
  const outputIn = (...production: ProductionDraft[]) => {
    const made = outputOf(product, period, production)
    return [text(made?.output), made?.isSplit]
  }

  it('counts where the counter fell silent, its part by time', () => {
    // 465 of 480 minutes: 3875 of 4000.
    expect(outputIn(counted(0, 30), entry(0, 8 * HOUR, 4000))).toEqual(['3905', true])
    const spans = matchSpans(ask({ production: [counted(0, 30), entry(0, 8 * HOUR, 4000)] }))
    expect(spans.map(({ energy, output }) => [text(energy), text(output)])).toEqual([
      ['0.25', '30'],
      ['7.75', '3875'],
    ])
  })

  it('does not count on top where it begins within a counted interval', () => {
    // 225 of 235 minutes: 3000 × 225 ÷ 235 = 2872.3, and the 100 that were counted.
    expect(outputIn(counted(0, 100), entry(5 * MINUTE, 4 * HOUR, 3000))).toEqual(['2972', true])
  })

  it('gives a silence in the middle its part, and none where all was counted', () => {
    const around = [counted(0, 30), counted(30, 30)]
    expect(outputIn(...around, entry(0, 45 * MINUTE, 120))).toEqual(['100', true])
    expect(outputIn(...around, counted(15, 31), entry(0, 45 * MINUTE, 120))).toEqual(['91', false])
  })
})

describe('a declared entry that crosses the end of a period', () => {
  const day = (date: number): Slot => ({ start: zone.midnight(2026, 3, date), end: zone.midnight(2026, 3, date + 1) })
  const night: ProductionDraft = {
    kind: 'production',
    entry: 'entry:night',
    revision: 0,
    product,
    source: 'declared',
    start: zone.instant(2026, 3, 10, 20 * 60),
    end: zone.instant(2026, 3, 11, 7 * 60),
    count: amount(1000, 0),
    unit: 'pair',
  }
  const spansOf = (period: Slot, entry = night) =>
    matchSpans({
      period,
      zone,
      minutes: 15,
      spanMinutes: 60,
      product,
      meters: [],
      intervals: [],
      production: [entry],
    })

  it('is split by time, its parts adding up to its count', () => {
    // Four of eleven hours on the first day: 1000 × 4 ÷ 11 = 363.6, rounded once where the days meet.
    expect([day(10), day(11)].map((one) => text(outputOf(product, one, [night])?.output))).toEqual(['364', '636'])
    expect([day(10), day(11)].map((one) => outputOf(product, one, [night])?.isSplit)).toEqual([true, true])
    const whole = { start: day(10).start, end: day(11).end }
    expect(outputOf(product, whole, [night])).toEqual({ output: amount(1000, 0), isSplit: false })
  })

  it('stands in the spans of both days where it lies, with its energy said to be estimated', () => {
    const [first] = spansOf(day(10)).filter(({ output }) => output !== null)
    expect([first?.start, first?.end]).toEqual([night.start, day(11).start])
  })

  it('gives nothing to a period shorter than itself, rather than a flat line', () => {
    const hour = { start: zone.instant(2026, 3, 10, 22 * 60), end: zone.instant(2026, 3, 10, 23 * 60) }
    expect(outputOf(product, hour, [night])).toBeNull()
    expect(spansOf(hour).every(({ output }) => output === null)).toBe(true)
  })
})
