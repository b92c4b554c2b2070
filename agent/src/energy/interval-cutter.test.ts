import { type Amount, amount, epochMs, formatAmount, meterIdSchema, parseAmount } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { workedCase } from './fixtures/worked-case.js'
import { type CounterPoll, type CutterOptions, IntervalCutter } from './interval-cutter.js'
import { PlantZone } from './plant-time.js'
import { bridgeEnergy, windowTotal } from './window.js'

const QUARTER = 15 * 60_000
const START = Date.parse('2026-03-10T08:00:00+08:00')
const meter = meterIdSchema.parse('press-1')
const zone = new PlantZone('Asia/Shanghai')
const energy = 'energy_active_import_total'

const decimal = (text: string): Amount => parseAmount(text) ?? amount(0, 0)
const options = (more: Partial<CutterOptions> = {}): CutterOptions => ({
  meter,
  zone,
  minutes: 15,
  periodMs: 60_000,
  counters: [{ quantity: energy, maxPerHour: amount(400, 0) }],
  ...more,
})
const poll = (at: number, value: string): CounterPoll => ({
  at: epochMs(at),
  values: [{ quantity: energy, value: decimal(value) }],
})

/** Feeds everything and keeps the newest revision of each interval. */
function cut(cutter: IntervalCutter, polls: readonly CounterPoll[]) {
  const outputs = polls.map((next) => cutter.read(next))
  return { intervals: outputs.flatMap(({ intervals }) => intervals), events: outputs.flatMap(({ events }) => events) }
}
const kwh = (value: Amount | null | undefined) => (value ? Number(formatAmount(value)) : null)

describe('worked case C1: a register becomes 15-minute intervals', () => {
  const { input, expected } = workedCase(
    'C1_register_to_intervals',
    z.object({
      readings: z.array(z.object({ t: z.number(), register_kwh: z.string() })),
      total_window: z.tuple([z.number(), z.number()]),
    }),
    z.object({
      intervals: z.array(
        z.object({ start: z.number(), kwh: z.number().nullable(), quality: z.string(), method: z.string().nullable() }),
      ),
      events: z.array(z.object({ type: z.string(), at: z.number() })),
      window: z.object({
        n_expected: z.number(),
        n_measured: z.number(),
        n_estimated: z.number(),
        completeness: z.number(),
        total_kwh: z.number(),
        estimated_kwh: z.number(),
        estimated_share: z.number(),
      }),
    }),
  )
  const cutter = new IntervalCutter(
    options({
      periodMs: 900_000,
      multiplier: amount(40, 0),
      counters: [{ quantity: energy, modulus: amount(1_000_000, 0), maxPerHour: amount(400, 0) }],
    }),
  )
  // The case ends one reading after the fall; two more rule a momentary wrong value out.
  const confirming = [poll(1773110700_000, '6.50'), poll(1773111600_000, '7.25')]
  const { intervals, events } = cut(cutter, [
    ...input.readings.map((r) => poll(r.t * 1000, r.register_kwh)),
    ...confirming,
  ])

  it('gives each interval its energy, quality and method', () => {
    const seen = intervals.slice(0, expected.intervals.length).map(({ start, deltas: [delta] }) => ({
      start: start / 1000,
      kwh: kwh(delta?.delta),
      quality: delta?.flag,
      method: delta?.method ?? null,
    }))
    expect(seen).toEqual(expected.intervals)
  })

  it('totals the window and says how much of it is estimated', () => {
    const [start = 0, end = 0] = input.total_window.map((t) => t * 1000)
    const seen = windowTotal({ period: { start: epochMs(start), end: epochMs(end) }, zone, minutes: 15, intervals })
    const { window } = expected
    expect([seen.expectedCount, seen.measuredCount, seen.estimatedCount]).toEqual([
      window.n_expected,
      window.n_measured,
      window.n_estimated,
    ])
    expect([seen.completeness, seen.total, seen.estimated].map(kwh)).toEqual([
      window.completeness,
      window.total_kwh,
      window.estimated_kwh,
    ])
    expect(kwh(seen.estimatedShare)).toBeCloseTo(window.estimated_share, 9)
    // A rollover breaks no segment: both ends are real, so the total is measured although its shape is estimated.
    expect(seen.totalQuality).toBe('measured')
  })

  it('reports the rollover and the confirmed decrease', () => {
    const seen = events
      .filter(({ code }) => code.startsWith('register_'))
      .map(({ code, facts }) => ({ type: code, at: Number(facts.at) / 1000 }))
    expect(seen).toEqual(expected.events)
  })
})

describe('meter exchange (rules of case C2)', () => {
  // Old meter × 40, read off at 10:07; new meter × 60 from 10:19 on: twelve minutes without a meter.
  const at = (minute: number) => START + 2 * 3_600_000 + minute * 60_000
  const cutter = new IntervalCutter(options({ multiplier: amount(40, 0), counters: [{ quantity: energy }] }))
  const outputs = [
    ...[-15, 0, 5].map((minute) => cutter.read(poll(at(minute), (1000 + (minute + 15) * 0.01).toFixed(2)))),
    cutter.change({
      cause: 'meter_exchange',
      at: epochMs(at(7)),
      oldEnd: poll(at(7), '1000.22'),
      newStart: poll(at(19), '0.50'),
      multiplier: amount(60, 0),
    }),
    ...[20, 30, 45].map((minute) => cutter.read(poll(at(minute), (0.5 + (minute - 19) * 0.02).toFixed(2)))),
  ]
  const intervals = outputs.flatMap((output) => output.intervals)
  const window = windowTotal({
    period: { start: epochMs(at(-15)), end: epochMs(at(45)) },
    zone,
    minutes: 15,
    intervals,
  })

  it('adds up each meter by itself with its own factor', () => {
    // By hand: (1000.22 − 1000.00) × 40 + (1.02 − 0.50) × 60 = 8.80 + 31.20.
    expect(kwh(window.total)).toBe(40)
    expect(intervals.map(({ segment, multiplier }) => [segment, multiplier.n])).toEqual([
      [0, 40],
      [1, 60],
      [1, 60],
      [1, 60],
    ])
    const parts = intervals[1]?.deltas[0]?.parts
    expect(parts?.map(({ segment, from, to, multiplier }) => [segment, kwh(from), kwh(to), multiplier?.n])).toEqual([
      [0, 1000.15, 1000.22, 40],
    ])
  })

  it('says how much of the time was metered, and that the total is of two meters', () => {
    expect(kwh(window.timeCoverage)).toBe(0.8)
    expect(window.totalQuality).toBe('mixed')
  })

  it('reports the exchange with what both meters showed', () => {
    const [event] = outputs.flatMap((output) => output.events).filter(({ code }) => code === 'meter_exchange')
    expect(event?.facts).toMatchObject({
      unmetered_s: 720,
      old_end: 'energy_active_import_total=1000.22',
      new_start: 'energy_active_import_total=0.50',
      multiplier: '60',
    })
  })

  it('bears a new meter years later', { timeout: 30_000 }, () => {
    const far = new IntervalCutter(options())
    far.read(poll(START, '1.00'))
    const { intervals } = far.change({
      cause: 'meter_exchange',
      at: epochMs(START + 60_000),
      newStart: poll(START + 2 * 365 * 86_400_000, '0.00'),
    })
    expect(intervals).toHaveLength(2 * 365 * 96)
  })

  it.each([
    ['below what was read last', '99.98', '100.50'],
    ['farther above than a largest power of 400 kW allows', '120.00', '100.50'],
    ['above by what the minutes since allow', '110.00', undefined],
    ['the same, as far as a display without decimals shows it', '100', undefined],
  ])('knows whether the old register can be: %s', (_, oldEnd, known) => {
    const one = new IntervalCutter(options())
    cut(one, [poll(START, '100.00'), poll(START + 60_000, '100.50')])
    const contradicted = one.contradictedBy(poll(START + 120_000, oldEnd))
    expect(contradicted && formatAmount(contradicted)).toBe(known)
  })

  it('estimates what flowed in between beside the total: mean power of both sides × the time', () => {
    // 8.8 kWh in 22 min = 24 kW, 31.2 kWh in 26 min = 72 kW; 48 kW for 12 min.
    const bridged = bridgeEnergy(
      { energy: decimal('8.80'), ms: 22 * 60_000 },
      { energy: decimal('31.20'), ms: 26 * 60_000 },
      720_000,
    )
    expect(kwh(bridged)).toBe(9.6)
    expect(bridgeEnergy({ energy: decimal('1'), ms: 1 }, { energy: decimal('1'), ms: 1 }, 7_200_001)).toBeNull()
  })
})

describe('interval cutter', () => {
  it('draws a boundary between two readings once, and both intervals share it', () => {
    const { intervals } = cut(new IntervalCutter(options()), [
      poll(START, '100.00'),
      poll(START + QUARTER - 30_000, '110.00'),
      poll(START + QUARTER + 30_000, '110.05'),
      poll(START + 2 * QUARTER, '120.00'),
    ])
    expect(intervals.map(({ deltas: [d] }) => [d?.from, d?.to, d?.delta].map(kwh))).toEqual([
      [100, 110.02, 10.02],
      [110.02, 120, 9.98],
    ])
  })

  it('does not book a lifetime for a momentary zero', () => {
    const polls = Array.from({ length: 40 }, (_, i) =>
      poll(START + i * 60_000, i === 7 || i === 8 ? '0.00' : `${5000 + i}.00`),
    )
    const { intervals, events } = cut(new IntervalCutter(options()), polls)
    expect(intervals.map(({ deltas: [d] }) => [d?.flag, kwh(d?.delta)])).toEqual([
      ['measured', 15],
      ['measured', 15],
    ])
    expect(events.map(({ code, facts }) => [code, facts.odd])).toEqual([['momentary_value', '0.00 0.00']])
  })

  it('does not book a lifetime when the very first readings are zero, even without a configured limit', () => {
    const polls = Array.from({ length: 40 }, (_, i) => poll(START + i * 60_000, i < 3 ? '0.00' : `${5000 + i}.00`))
    const { intervals, events } = cut(new IntervalCutter(options({ counters: [{ quantity: energy }] })), polls)
    expect(intervals.map(({ deltas: [d] }) => [d?.flag, kwh(d?.delta)])).toEqual([
      ['suspect', null],
      ['measured', 15],
    ])
    expect(events.map(({ code }) => code)).toEqual(['register_jump'])
  })

  it('books no step in a minute that the power presumed could not drive', () => {
    const polls = Array.from({ length: 31 }, (_, i) => poll(START + i * 60_000, `${(i === 7 ? 450 : 100) + i}.00`))
    const presumed = { quantity: energy, presumedPerHour: amount(288, 0) } as const
    const { intervals, events } = cut(new IntervalCutter(options({ counters: [presumed] })), polls)
    expect(events.map(({ code, facts }) => [code, facts.odd])).toEqual([['momentary_value', '457.00']])
    expect(intervals.map(({ deltas: [d] }) => kwh(d?.delta))).toEqual([15, 15])
  })

  it('takes a register that trembles by its last digit for what it is', () => {
    const polls = Array.from({ length: 31 }, (_, i) =>
      poll(START + i * 60_000, (100 + i * 0.02 - (i % 7 === 3 ? 0.03 : 0)).toFixed(2)),
    )
    const { intervals, events } = cut(new IntervalCutter(options()), polls)
    expect(intervals.map(({ deltas: [d] }) => [d?.flag, kwh(d?.delta)])).toEqual([
      ['measured', 0.3],
      ['measured', 0.3],
    ])
    expect(events).toEqual([])
  })

  describe('a register at zero after a silence', () => {
    const after = (silenceMs: number, from: string, counter: CutterOptions['counters'][number]) =>
      cut(new IntervalCutter(options({ counters: [counter] })), [
        poll(START, from),
        ...[0, 1, 2, 3, 20].map((minute) => poll(START + silenceMs + minute * 60_000, `${minute}.00`)),
      ])
    const booked = (drafts: ReturnType<typeof cut>) =>
      drafts.intervals.reduce((total, { deltas: [d] }) => total + (kwh(d?.delta) ?? 0), 0)

    it('is a reset from mid-register: no modulus is booked', () => {
      const seen = after(59 * 3_600_000, '400030.00', { quantity: energy, modulus: amount(1_000_000, 0) })
      expect(seen.events.map(({ code }) => code)).toEqual(['reading_gap', 'register_decrease', 'reading_gap'])
      expect(booked(seen)).toBeLessThan(21)
    })

    it('is a reset near the modulus too where no largest power is configured', () => {
      const seen = after(20 * 60_000, '62000.00', { quantity: energy, modulus: amount(65_536, 0) })
      expect(seen.events.map(({ code }) => code)).toContain('register_decrease')
      expect(booked(seen)).toBeLessThan(21)
    })

    it('is a rollover where the configured power reaches the modulus in that time', () => {
      const counter = { quantity: energy, modulus: amount(1_000_000, 0), maxPerHour: amount(400, 0) } as const
      const codes = (from: string) => after(10 * 3_600_000, from, counter).events.map(({ code }) => code)
      expect(codes('998000.00')).toContain('register_rollover')
      expect(codes('990000.00')).toContain('register_decrease')
    })
  })

  it('continues from a checkpoint at any poll as if it had never stopped', () => {
    const polls = Array.from({ length: 60 }, (_, i) =>
      poll(START + i * 60_000, `${(5000 + i * 0.37 - (i > 31 ? 5000 : 0)).toFixed(2)}`),
    )
    const whole = cut(new IntervalCutter(options()), polls)
    for (let stop = 1; stop < polls.length; stop++) {
      const first = new IntervalCutter(options())
      const before = cut(first, polls.slice(0, stop))
      const restored = IntervalCutter.restore(options(), first.checkpoint())
      if (!restored.ok) throw new Error(restored.fault.why)
      const after = cut(restored.value, polls.slice(stop))
      expect([...before.intervals, ...after.intervals]).toEqual(whole.intervals)
      expect([...before.events, ...after.events]).toEqual(whole.events)
    }
  })

  it('refuses a checkpoint of another grid', () => {
    const restored = IntervalCutter.restore(options({ minutes: 5 }), new IntervalCutter(options()).checkpoint())
    expect(restored).toMatchObject({ ok: false, fault: { kind: 'bad_checkpoint' } })
  })

  describe('when time itself is odd', () => {
    const minutes = (from: number, to: number, register: number) =>
      Array.from({ length: to - from }, (_, i) => poll(START + (from + i) * 60_000, `${register + i}.00`))

    it('leaves out polls of a clock that went back a little, and loses no energy', () => {
      const { intervals, events } = cut(new IntervalCutter(options()), [
        ...minutes(0, 20, 100),
        ...minutes(10, 18, 120),
        ...minutes(21, 46, 129),
      ])
      expect(intervals.map(({ deltas: [d] }) => kwh(d?.delta))).toEqual([15, 23, 15])
      expect(events).toEqual([])
    })

    it('knows a rollover that happened while the clock was behind, however late it is confirmed', () => {
      const rolling = options({
        counters: [{ quantity: energy, modulus: amount(1_000, 0), maxPerHour: amount(60, 0) }],
      })
      // Ten minutes unseen at a kWh a minute: more than one visible minute could explain.
      const { intervals, events } = cut(new IntervalCutter(rolling), [
        ...minutes(0, 21, 972),
        ...minutes(10, 20, 993),
        ...minutes(21, 46, 4),
      ])
      expect(events.map(({ code }) => code)).toEqual(['register_rollover'])
      const sum = intervals.reduce((total, { deltas: [d] }) => total + (kwh(d?.delta) ?? Number.NaN), 0)
      expect(sum).toBe(1_000 + 28 - 972)
    })

    it('starts a new segment when the clock went back by hours, and revises what it had written', () => {
      const { intervals, events } = cut(new IntervalCutter(options()), [
        ...minutes(600, 631, 100),
        ...minutes(0, 31, 131),
      ])
      expect(events.map(({ code }) => code)).toEqual(['clock_back'])
      expect(
        intervals.map(({ start, revision, reason, segment, deltas: [d] }) => [
          (start - START) / 60_000,
          revision,
          reason,
          segment,
          kwh(d?.delta),
        ]),
      ).toEqual([
        [600, 0, undefined, 0, 15],
        [615, 0, undefined, 0, 15],
        [0, 1, 'clock_reset', 1, 15],
        [15, 1, 'clock_reset', 1, 15],
      ])
    })

    it('does not spread a silence of months over the grid, and shows both ends of it', () => {
      const far = 70 * 86_400_000
      const { intervals, events } = cut(new IntervalCutter(options()), [
        ...minutes(0, 31, 100),
        ...minutes(0, 31, 900).map((one) => ({ ...one, at: epochMs(one.at + far) })),
      ])
      expect(
        intervals.map(({ start, deltas: [d] }) => [(start - START) % far === 0 || start - START < far, kwh(d?.delta)]),
      ).toHaveLength(4)
      expect(events.map(({ code, facts }) => [code, facts.before ?? null, facts.after ?? null])).toEqual([
        ['reading_gap', null, null],
        ['reading_gap_too_long', '130.00', '900.00'],
      ])
    })
  })

  it('writes an interval without a counter that lags, and revises it when the counter comes', () => {
    const two = options({
      counters: [{ quantity: energy }, { quantity: 'energy_reactive_import_total' }],
    })
    const both = (minute: number, withReactive: boolean): CounterPoll => ({
      at: epochMs(START + minute * 60_000),
      values: [
        { quantity: energy, value: decimal(`${100 + minute}.00`) },
        ...(withReactive
          ? [{ quantity: 'energy_reactive_import_total' as const, value: decimal(`${50 + minute}.0`) }]
          : []),
      ],
    })
    const { intervals } = cut(
      new IntervalCutter(two),
      Array.from({ length: 91 }, (_, minute) => both(minute, minute < 10 || minute > 80)),
    )
    const first = intervals.filter(({ start }) => start === START)
    expect(
      first.map(({ revision, reason, deltas }) => [
        revision,
        reason,
        ...deltas.map(({ flag, delta }) => [flag, kwh(delta)]),
      ]),
    ).toEqual([
      [0, undefined, ['measured', 15], ['missing', null]],
      [1, 'late_values', ['measured', 15], ['estimated', 15]],
    ])
  })

  it('weighs power by how long it held', () => {
    const withPower = (minute: number, watts: number): CounterPoll => ({
      ...poll(START + minute * 60_000, '1.00'),
      power: amount(watts, 0),
    })
    const { intervals } = cut(new IntervalCutter(options()), [
      ...[0, 1, 2].map((m) => withPower(m, 1000)),
      ...[3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15].map((m) => withPower(m, 6000)),
    ])
    expect(intervals.map(({ power, coverage }) => [power, coverage])).toEqual([
      [{ mean: amount(5000, 0), min: amount(1000, 0), max: amount(6000, 0) }, 1000],
    ])
  })
})
