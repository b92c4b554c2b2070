import {
  type Amount,
  add,
  amount,
  compare,
  epochMs,
  formatAmount,
  type IntervalDelta,
  meterIdSchema,
  subtract,
} from '@metergate/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EventDraft, IntervalDraft } from './interval.js'
import { type CounterPoll, type CutterOptions, IntervalCutter, type MeterChange } from './interval-cutter.js'
import { type IntervalMinutes, PlantZone } from './plant-time.js'
import { meteredEnergy, sum } from './spans.js'

/**
 * A meter's life as a list of steps, and beside it what a person with the registers in hand would add up: the
 * oracle counts each segment's difference from the true values and knows nothing of boundaries.
 */
type Step =
  | { readonly kind: 'read'; readonly afterMs: number; readonly rise: number }
  | { readonly kind: 'silence'; readonly afterMs: number; readonly rise: number }
  | { readonly kind: 'reset' }
  | { readonly kind: 'exchange'; readonly start: number }
  | { readonly kind: 'zero'; readonly count: number }
  | { readonly kind: 'clock'; readonly byMs: number }
  | { readonly kind: 'restart' }

const MODULUS = 100_000
const PERIOD = 60_000
/** Digits an hour, far above what a step rises by, so that only wild values are wild. */
const MAX_PER_HOUR = 6_000
const meter = meterIdSchema.parse('m')
const quantity = 'energy_active_import_total'

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 60,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      afterMs: fc.integer({ min: 50_000, max: 70_000 }),
      rise: fc.integer({ min: 0, max: 80 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('silence' as const),
      afterMs: fc.integer({ min: 120_000, max: 20_000_000 }),
      rise: fc.integer({ min: 0, max: 190 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'reset' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('exchange' as const), start: fc.integer({ min: 0, max: MODULUS - 1 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('zero' as const), count: fc.integer({ min: 1, max: 3 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('clock' as const), byMs: fc.integer({ min: -1_800_000, max: 600_000 }) }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: 'restart' as const }) },
)

type Action = { readonly poll: CounterPoll } | { readonly change: MeterChange } | { readonly restart: true }

interface Life {
  readonly actions: Action[]
  /** Register rise of each segment, in digits: from its first reading to its last. */
  readonly rises: number[]
  readonly lastAt: number
}

const value = (n: number): Amount => amount(n, -2)

/** Plays the steps on a true register. Quiet stretches of readings after each oddity let it be confirmed. */
function live(start: number, register: number, steps: readonly Step[]): Life {
  const actions: Action[] = []
  const rises: number[] = [0]
  let at = start
  let newest = start
  let n = register
  const poll = (shown: number) =>
    actions.push({ poll: { at: epochMs(at), values: [{ quantity, value: value(shown) }] } })
  const advance = (afterMs: number, rise: number) => {
    at += afterMs
    newest = Math.max(newest, at)
    n = (n + rise) % MODULUS
    rises.push((rises.pop() ?? 0) + rise)
    poll(n)
  }
  const settle = () => {
    for (let i = 0; i < 6; i++) advance(PERIOD, 7)
  }
  poll(n)
  for (const next of steps) {
    // What a counter did while the clock was behind cannot be placed if it is reset or exchanged meanwhile.
    if (at < newest && (next.kind === 'reset' || next.kind === 'exchange' || next.kind === 'zero')) {
      at = newest
      settle()
    }
    switch (next.kind) {
      case 'read':
      case 'silence':
        advance(next.afterMs, next.rise)
        break
      case 'reset':
        // Far enough from zero and from the modulus that falling to zero is no rollover, and no glance at zero either.
        if (n < 2000 || n > MODULUS - 2000) break
        at += PERIOD
        n = 0
        rises.push(0)
        poll(n)
        settle()
        break
      case 'exchange':
        actions.push({ change: { cause: 'meter_exchange', at: epochMs(at) } })
        at += 5 * PERIOD
        n = next.start
        rises.push(0)
        poll(n)
        settle()
        break
      case 'zero':
        // Readings of zero for less than a minute and a half, then the truth again.
        if (n < 2000 || n > MODULUS - 2000) break
        for (let i = 0; i < next.count; i++) {
          at += 25_000
          poll(0)
        }
        advance(PERIOD, 3)
        settle()
        break
      case 'clock':
        // Set back by at most half an hour at a time and never below an hour in all: polls wait until it caught up.
        if (at + next.byMs < newest - 3_600_000) break
        at += next.byMs
        break
      case 'restart':
        actions.push({ restart: true })
        break
    }
  }
  at = Math.max(at, newest)
  settle()
  return { actions, rises, lastAt: at }
}

function play(options: CutterOptions, actions: readonly Action[], restarts: boolean) {
  let cutter = new IntervalCutter(options)
  const intervals: IntervalDraft[] = []
  const events: EventDraft[] = []
  for (const action of actions) {
    if ('restart' in action) {
      if (!restarts) continue
      const restored = IntervalCutter.restore(options, cutter.checkpoint())
      if (!restored.ok) throw new Error(restored.fault.why)
      cutter = restored.value
      continue
    }
    const output = 'poll' in action ? cutter.read(action.poll) : cutter.change(action.change)
    intervals.push(...output.intervals)
    events.push(...output.events)
  }
  return { intervals, events, cutter }
}

/** Ends every open interval: readings that rise by nothing, enough of them to confirm what is still held. */
function close(life: Life, minutes: IntervalMinutes): Action[] {
  const last = life.actions.findLast((action) => 'poll' in action)
  if (!last || !('poll' in last)) return []
  const { poll } = last
  const after = [1, 2, 3, 4, 3 * minutes + 5].map((minute) => life.lastAt + minute * 60_000)
  return after.map((at) => ({ poll: { ...poll, at: epochMs(at) } }))
}

const one: Amount = amount(1, 0)
const zero: Amount = amount(0, 0)

/** Register rise by segment, from the intervals alone. */
function risesBySegment(intervals: readonly IntervalDraft[]): Map<number, Amount> {
  const rises = new Map<number, Amount>()
  const addTo = (segment: number, rise: Amount) => rises.set(segment, add(rises.get(segment) ?? zero, rise))
  for (const { deltas, segment } of intervals) {
    for (const delta of deltas) {
      if (delta.parts) for (const part of delta.parts) addTo(part.segment, subtract(part.to, part.from))
      else if (delta.delta) addTo(delta.segment ?? segment, delta.delta)
    }
  }
  return rises
}

const isExplained = ({ delta, flag, checks, parts }: IntervalDelta) =>
  delta === null || parts ? (checks?.length ?? 0) > 0 : flag === 'measured' || flag === 'estimated'

const minutesArbitrary = fc.constantFrom<IntervalMinutes>(1, 5, 15, 30, 60)
const zones = ['Asia/Shanghai', 'Europe/Berlin', 'Australia/Lord_Howe']
const history = fc.record({
  minutes: minutesArbitrary,
  zone: fc.constantFrom(...zones),
  // Around the nights in which Europe's clocks change, in spring and autumn.
  start: fc
    .constantFrom('2026-03-28T23:10:00Z', '2026-10-24T23:10:00Z', '2026-06-01T00:00:00Z')
    .map((iso) => Date.parse(iso)),
  register: fc.integer({ min: 0, max: MODULUS - 1 }),
  steps: fc.array(step, { minLength: 1, maxLength: 120 }),
})

const optionsFor = (minutes: IntervalMinutes, zone: string): CutterOptions => ({
  meter,
  zone: new PlantZone(zone),
  minutes,
  periodMs: PERIOD,
  counters: [{ quantity, modulus: value(MODULUS), maxPerHour: value(MAX_PER_HOUR) }],
})

describe('any register history', () => {
  it('gives intervals of a segment that add up exactly to its register difference, none negative, each explained', () => {
    fc.assert(
      fc.property(history, ({ minutes, zone, start, register, steps }) => {
        const life = live(start, register, steps)
        const { intervals } = play(optionsFor(minutes, zone), [...life.actions, ...close(life, minutes)], true)
        const seen = risesBySegment(intervals)
        expect(life.rises.map((_, segment) => formatAmount(add(seen.get(segment) ?? zero, value(0))))).toEqual(
          life.rises.map((rise) => formatAmount(value(rise))),
        )
        expect([...seen.keys()].every((segment) => segment < life.rises.length)).toBe(true)
        for (const { deltas } of intervals) {
          for (const delta of deltas) {
            expect(compare(meteredEnergy(delta, one), zero)).toBeGreaterThanOrEqual(0)
            expect(isExplained(delta)).toBe(true)
          }
        }
      }),
      { numRuns: 150 },
    )
  })

  it('gives intervals that tile the time without hole or overlap', () => {
    fc.assert(
      fc.property(history, ({ minutes, zone, start, register, steps }) => {
        const life = live(start, register, steps)
        const { intervals } = play(optionsFor(minutes, zone), life.actions, false)
        intervals.forEach((interval, index) => {
          const before = intervals[index - 1]
          if (before) expect(interval.start).toBe(before.end)
          const [first] = interval.deltas
          const previous = before?.deltas[0]
          // A boundary is one value, shown by both sides.
          if (first?.from && previous?.to && !first.parts && !previous.parts) expect(first.from).toEqual(previous.to)
        })
      }),
      { numRuns: 100 },
    )
  })

  it('comes out the same over any restarts as from scratch', () => {
    fc.assert(
      fc.property(history, ({ minutes, zone, start, register, steps }) => {
        const life = live(start, register, steps)
        const often = life.actions.flatMap((action): Action[] => [action, { restart: true }])
        const interrupted = play(optionsFor(minutes, zone), often, true)
        const whole = play(optionsFor(minutes, zone), life.actions, false)
        expect(interrupted.intervals).toEqual(whole.intervals)
        expect(interrupted.events).toEqual(whole.events)
      }),
      { numRuns: 40 },
    )
  })

  it('would notice a cutter that rounds both sides of a boundary apart', () => {
    const calm = fc.array(
      fc.record({ afterMs: fc.integer({ min: 50_000, max: 70_000 }), rise: fc.integer({ min: 0, max: 80 }) }),
      {
        minLength: 5,
        maxLength: 60,
      },
    )
    const start = Date.parse('2026-06-01T00:00:00Z')
    const adds = (cutter: (readings: readonly Reading[]) => readonly Amount[]) =>
      fc.check(
        fc.property(calm, (steps) => {
          const readings: Reading[] = [{ at: start, n: 0 }]
          for (const { afterMs, rise } of steps) {
            const last = readings.at(-1) ?? { at: start, n: 0 }
            readings.push({ at: last.at + afterMs, n: last.n + rise })
          }
          const last = readings.at(-1) ?? { at: start, n: 0 }
          readings.push({ at: Math.ceil((last.at + 1) / 60_000) * 60_000, n: last.n })
          expect(formatAmount(sum([value(0), ...cutter(readings)]))).toBe(formatAmount(value(last.n)))
        }),
        { seed: 1, numRuns: 50 },
      ).failed
    expect(adds(cutTogether)).toBe(false)
    expect(adds(cutApart)).toBe(true)
  })
})

interface Reading {
  readonly at: number
  readonly n: number
}

function cutTogether(readings: readonly Reading[]): Amount[] {
  const cutter = new IntervalCutter(optionsFor(1, 'Asia/Shanghai'))
  return readings
    .flatMap(({ at, n }) => cutter.read({ at: epochMs(at), values: [{ quantity, value: value(n) }] }).intervals)
    .flatMap(({ deltas }) => deltas[0]?.delta ?? [])
}

/** The planted mistake: each interval's share of a step is worked out and rounded by itself. */
function cutApart(readings: readonly Reading[]): Amount[] {
  const shares = new Map<number, number>()
  readings.forEach((after, index) => {
    const before = readings[index - 1]
    if (!before) return
    for (let slot = Math.floor(before.at / 60_000) * 60_000; slot < after.at; slot += 60_000) {
      const overlap = Math.min(after.at, slot + 60_000) - Math.max(before.at, slot)
      const share = Math.round(((after.n - before.n) * overlap) / (after.at - before.at))
      shares.set(slot, (shares.get(slot) ?? 0) + share)
    }
  })
  return [...shares.values()].map(value)
}
