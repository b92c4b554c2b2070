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

const HAPPENINGS = [
  'rollover',
  'silence',
  'reset',
  'exchange',
  'zero',
  'clock_forward',
  'clock_back',
  'restart',
] as const
type Happening = (typeof HAPPENINGS)[number]

interface Life {
  readonly actions: Action[]
  /** What really happened in it, and how often: steps that make no sense where they stand are left out. */
  readonly happened: Readonly<Partial<Record<Happening, number>>>
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
  /** No reading since the clock was set back is later than those before. */
  let isBehind = false
  let n = register
  const happened: Partial<Record<Happening, number>> = {}
  const note = (what: Happening): void => {
    happened[what] = (happened[what] ?? 0) + 1
  }
  const poll = (shown: number) =>
    actions.push({ poll: { at: epochMs(at), values: [{ quantity, value: value(shown) }] } })
  const advance = (afterMs: number, rise: number) => {
    at += afterMs
    if (at > newest) isBehind = false
    newest = Math.max(newest, at)
    if (n + rise >= MODULUS) note('rollover')
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
    if (isBehind && (next.kind === 'reset' || next.kind === 'exchange' || next.kind === 'zero')) {
      at = Math.max(at, newest)
      settle()
    }
    switch (next.kind) {
      case 'read':
      case 'silence':
        if (next.kind === 'silence') note('silence')
        advance(next.afterMs, next.rise)
        break
      case 'reset':
        // Far enough from zero and from the modulus that falling to zero is no rollover, and no glance at zero either.
        if (n < 2000 || n > MODULUS - 2000) break
        note('reset')
        at += PERIOD
        n = 0
        rises.push(0)
        poll(n)
        settle()
        break
      case 'exchange':
        note('exchange')
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
        note('zero')
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
        if (next.byMs !== 0) note(next.byMs > 0 ? 'clock_forward' : 'clock_back')
        at += next.byMs
        isBehind ||= at < newest
        break
      case 'restart':
        note('restart')
        actions.push({ restart: true })
        break
    }
  }
  at = Math.max(at, newest)
  settle()
  return { actions, happened, rises, lastAt: at }
}

interface Played {
  readonly intervals: readonly IntervalDraft[]
  readonly events: readonly EventDraft[]
}
/** Lets a cutter live through the actions; mistakes are planted here. */
type Player = (options: CutterOptions, actions: readonly Action[]) => Played

const play: Player = (options, actions) => {
  let cutter = new IntervalCutter(options)
  const intervals: IntervalDraft[] = []
  const events: EventDraft[] = []
  for (const action of actions) {
    if ('restart' in action) {
      const restored = IntervalCutter.restore(options, cutter.checkpoint())
      if (!restored.ok) throw new Error(restored.fault.why)
      cutter = restored.value
      continue
    }
    const output = 'poll' in action ? cutter.read(action.poll) : cutter.change(action.change)
    intervals.push(...output.intervals)
    events.push(...output.events)
  }
  return { intervals, events }
}

const withoutRestarts = (actions: readonly Action[]): Action[] => actions.filter((action) => !('restart' in action))

/** Ends every open interval: readings that rise by nothing, enough of them to confirm what is still held. */
function close(life: Life, minutes: IntervalMinutes): Action[] {
  const last = life.actions.findLast((action) => 'poll' in action)
  if (!last || !('poll' in last)) return []
  const { poll } = last
  const after = [1, 2, 3, 4, 3 * minutes + 5].map((minute) => life.lastAt + minute * 60_000)
  return after.map((at) => ({ poll: { ...poll, at: epochMs(at) } }))
}

const isZero = ({ values }: CounterPoll): boolean => values.every((each) => each.value.n === 0)

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
  // Left to itself, the library prefers a handful of steps, and the rarer ones hardly ever come.
  steps: fc.array(step, { minLength: 1, maxLength: 120, size: 'max' }),
})

const optionsFor = (minutes: IntervalMinutes, zone: string): CutterOptions => ({
  meter,
  zone: new PlantZone(zone),
  minutes,
  periodMs: PERIOD,
  counters: [{ quantity, modulus: value(MODULUS), maxPerHour: value(MAX_PER_HOUR) }],
})

type History = typeof history extends fc.Arbitrary<infer H> ? H : never

/** Throws unless the intervals of each segment add up to its register's rise, none negative, each explained. */
function addsUp({ minutes, zone, start, register, steps }: History, player: Player): void {
  const life = live(start, register, steps)
  const { intervals } = player(optionsFor(minutes, zone), [...life.actions, ...close(life, minutes)])
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
}

/** Throws unless restarts after every action change nothing. */
function survivesRestarts({ minutes, zone, start, register, steps }: History, player: Player): void {
  const actions = withoutRestarts(live(start, register, steps).actions)
  const often = actions.flatMap((action): Action[] => [action, { restart: true }])
  expect(player(optionsFor(minutes, zone), often)).toEqual(player(optionsFor(minutes, zone), actions))
}

describe('any register history', () => {
  it('gives intervals of a segment that add up exactly to its register difference, none negative, each explained', () => {
    fc.assert(
      fc.property(history, (one) => addsUp(one, play)),
      { numRuns: 150 },
    )
  })

  it('holds every oddity there is, many times over', () => {
    const counted = new Map<string, number>(HAPPENINGS.map((what) => [what, 0]))
    for (const { start, register, steps } of fc.sample(history, { seed: 1, numRuns: 150 })) {
      const { happened } = live(start, register, steps)
      for (const what of HAPPENINGS) counted.set(what, (counted.get(what) ?? 0) + (happened[what] ?? 0))
    }
    expect([...counted].filter(([, times]) => times < 10)).toEqual([])
  })

  it('gives intervals that tile the time without hole or overlap', () => {
    fc.assert(
      fc.property(history, ({ minutes, zone, start, register, steps }) => {
        const life = live(start, register, steps)
        const { intervals } = play(optionsFor(minutes, zone), withoutRestarts(life.actions))
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
      fc.property(history, (one) => survivesRestarts(one, play)),
      { numRuns: 40 },
    )
  })

  const planted: [string, typeof addsUp, Player][] = [
    [
      'takes a rollover for one of another register',
      addsUp,
      (options, actions) =>
        play({ ...options, counters: [{ quantity, modulus: value(2 * MODULUS), maxPerHour: value(1e9) }] }, actions),
    ],
    [
      'loses what was open at a restart',
      survivesRestarts,
      (options, actions) => {
        const lives = actions.reduce<Action[][]>(
          (all, action) => {
            if ('restart' in action) all.push([])
            else all.at(-1)?.push(action)
            return all
          },
          [[]],
        )
        const played = lives.map((one) => play(options, one))
        return {
          intervals: played.flatMap(({ intervals }) => intervals),
          events: played.flatMap(({ events }) => events),
        }
      },
    ],
    [
      'takes a momentary zero for another meter',
      addsUp,
      (options, actions) =>
        play(
          options,
          actions.flatMap((one): Action[] =>
            'poll' in one && isZero(one.poll) ? [{ change: { cause: 'meter_exchange', at: one.poll.at } }, one] : [one],
          ),
        ),
    ],
    [
      'forgets what happened in a silence',
      addsUp,
      (options, actions) => {
        const { intervals, events } = play(options, actions)
        const kept = intervals.map((one) => ({ ...one, deltas: one.deltas.filter(({ flag }) => flag !== 'estimated') }))
        return { intervals: kept, events }
      },
    ],
  ]
  it.each(planted)('would notice a cutter that %s', (_, holds, player) => {
    const result = fc.check(
      fc.property(history, (one) => holds(one, player)),
      { seed: 1, numRuns: 150, endOnFailure: true },
    )
    expect(result.failed).toBe(true)
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
