import { divideHalfEven, epochMs, invariant, meterIdSchema } from '@metergate/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CounterSample } from './counter-delta.js'
import { registerAt } from './interval.js'
import { IntervalCutter } from './interval-cutter.js'
import { PlantZone } from './plant-time.js'

const quantity = 'energy_active_import_total'
const START = Date.parse('2026-06-01T00:00:00Z')

/** A counter under an even load: counted in millionths of the register's digit, read at any instants. */
interface Counter {
  /** Millionths of a digit at the first reading, and in each second. */
  readonly first: number
  readonly perSecond: number
  /** Seconds between one reading and the next. */
  readonly gaps: readonly number[]
}

const counter: fc.Arbitrary<Counter> = fc.record({
  first: fc.integer({ min: 0, max: 5_000_000 }),
  perSecond: fc.integer({ min: 0, max: 900_000 }),
  gaps: fc.array(fc.integer({ min: 1, max: 1200 }), { minLength: 3, maxLength: 40 }),
})

const countedAt = ({ first, perSecond }: Counter, at: number): number => first + (perSecond * (at - START)) / 1000
/** What the meter's display shows: what it has counted, cut off. */
const shownAt = (one: Counter, at: number): number => Math.floor(countedAt(one, at) / 1_000_000)

function readingsOf(one: Counter): CounterSample[] {
  let at = START
  return [0, ...one.gaps].map((gap) => {
    at += gap * 1000
    return { at, n: shownAt(one, at) }
  })
}

/** Boundaries of one-minute intervals as cut, digits of the register by instant. */
function boundariesOf(one: Counter): [at: number, n: number][] {
  const cutter = new IntervalCutter({
    meter: meterIdSchema.parse('m'),
    zone: new PlantZone('Asia/Shanghai'),
    minutes: 1,
    periodMs: 60_000,
    counters: [{ quantity }],
  })
  const intervals = readingsOf(one).flatMap(
    ({ at, n }) => cutter.read({ at: epochMs(at), values: [{ quantity, value: { n, exp: -2 } }] }).intervals,
  )
  return intervals.flatMap(({ end, deltas }): [number, number][] => {
    const to = deltas[0]?.to
    invariant(to?.exp === -2, 'a boundary carries the register’s digit')
    return [[end, to.n]]
  })
}

/** The greatest difference between what two boundaries say and what the display showed at both, in digits. */
function furthest(one: Counter, boundaries: readonly [number, number][]): number {
  const off = boundaries.map(([at, n]) => n - shownAt(one, at))
  return off.length === 0 ? 0 : Math.max(...off) - Math.min(...off)
}

describe('boundaries under an even load', () => {
  it('are what the display showed at that instant or one digit less, so any span is right to one digit', () => {
    fc.assert(
      fc.property(counter, (one) => {
        const boundaries = boundariesOf(one)
        for (const [at, n] of boundaries) expect([0, 1]).toContain(shownAt(one, at) - n)
        expect(furthest(one, boundaries)).toBeLessThanOrEqual(1)
      }),
      { numRuns: 300 },
    )
  })

  it('would be two digits off if they were rounded to the nearest', () => {
    const rounded = (one: Counter): [number, number][] => {
      const readings = readingsOf(one)
      return readings.flatMap((after, index): [number, number][] => {
        const before = readings[index - 1]
        if (!before) return []
        const at = Math.ceil((before.at + 1) / 60_000) * 60_000
        if (at > after.at) return []
        const rise = BigInt(after.n - before.n) * BigInt(at - before.at)
        return [[at, before.n + Number(divideHalfEven(rise, BigInt(after.at - before.at)))]]
      })
    }
    const found = fc.check(
      fc.property(counter, (one) => furthest(one, rounded(one)) <= 1),
      { numRuns: 3000, seed: 1 },
    )
    expect(found.failed).toBe(true)
  })

  it('never run ahead of the readings, rising or trembling back', () => {
    expect(registerAt({ at: 0, n: 10 }, { at: 3, n: 11 }, 2)).toBe(10)
    expect(registerAt({ at: 0, n: -10 }, { at: 3, n: -12 }, 1)).toBe(-11)
    expect(registerAt({ at: 0, n: 9_007_199_254_740_000 }, { at: 7, n: 9_007_199_254_740_991 }, 6)).toBe(
      9_007_199_254_740_849,
    )
  })
})
