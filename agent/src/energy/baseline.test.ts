import { amount, toNumber } from '@metergate/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { againstBaseline, type BaselinePoint, fitBaseline } from './baseline.js'
import { integerRoot } from './exact-root.js'

const point = (energy: number, output: number): BaselinePoint => ({
  energy: amount(Math.round(energy * 100), -2),
  output: amount(output, 0),
})
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length

/** Least squares once more, another way: centred, in floating point. */
function byTextbook(points: readonly BaselinePoint[]) {
  const x = points.map(({ output }) => toNumber(output))
  const y = points.map(({ energy }) => toNumber(energy))
  const [mx, my] = [mean(x), mean(y)]
  const sxx = x.reduce((s, v) => s + (v - mx) ** 2, 0)
  const sxy = x.reduce((s, v, i) => s + (v - mx) * ((y[i] ?? 0) - my), 0)
  const b1 = sxy / sxx
  const b0 = my - b1 * mx
  const sse = y.reduce((s, v, i) => s + (v - b0 - b1 * (x[i] ?? 0)) ** 2, 0)
  const sst = y.reduce((s, v) => s + (v - my) ** 2, 0)
  const rmse = Math.sqrt(sse / (y.length - 2))
  return { b0, b1, r2: 1 - sse / sst, rmse, cvRmse: rmse / my }
}

const YEAR = [
  [21_400.5, 40_000],
  [24_900.25, 50_100],
  [19_100, 31_000],
  [30_050.75, 66_000],
  [28_000, 60_500],
  [26_480, 55_000],
  [25_210, 51_800],
  [22_000, 42_900],
  [31_400, 70_000],
  [29_010, 62_000],
  [27_200, 57_300],
  [18_020, 29_500],
].map(([energy = 0, output = 0]) => point(energy, output))

describe('energy baseline (rules of case C8)', () => {
  it('fits what a textbook calculation fits', () => {
    const seen = fitBaseline(YEAR)
    const wanted = byTextbook(YEAR)
    expect(seen && toNumber(seen.b0)).toBeCloseTo(wanted.b0, 5)
    expect(seen && toNumber(seen.b1)).toBeCloseTo(wanted.b1, 8)
    expect(seen && toNumber(seen.r2)).toBeCloseTo(wanted.r2, 5)
    expect(seen && toNumber(seen.rmse)).toBeCloseTo(wanted.rmse, 4)
    expect(seen && toNumber(seen.cvRmse)).toBeCloseTo(wanted.cvRmse, 5)
    expect(seen?.rejected).toEqual([])
  })

  it('agrees with it for any points', () => {
    const points = fc.array(fc.record({ e: fc.integer({ min: 1, max: 1e6 }), q: fc.integer({ min: 0, max: 1e5 }) }), {
      minLength: 3,
      maxLength: 30,
    })
    fc.assert(
      fc.property(points, (list) => {
        const chosen = list.map(({ e, q }) => point(e / 100, q))
        const seen = fitBaseline(chosen)
        fc.pre(seen !== undefined)
        const wanted = byTextbook(chosen)
        // The textbook way loses digits where outputs hardly differ.
        fc.pre(Math.abs(wanted.b1) < 1e3)
        expect(toNumber(seen?.b1 ?? amount(0, 0))).toBeCloseTo(wanted.b1, 5)
        expect(toNumber(seen?.r2 ?? amount(0, 0))).toBeCloseTo(wanted.r2, 4)
      }),
    )
  })

  it('says which limit a poor fit misses', () => {
    const few = fitBaseline([point(100, 10), point(500, 20), point(90, 30), point(600, 40)])
    expect(few?.rejected).toEqual(['r2', 'cv_rmse', 'points'])
    expect(fitBaseline([point(1, 5), point(2, 5), point(3, 5)])).toBeUndefined()
  })

  it('runs up savings with the sign of savings, flags extrapolation, and keeps an alarm once raised', () => {
    const baseline = fitBaseline(YEAR)
    if (!baseline) throw new Error('no fit')
    const { b0, b1, rmse } = byTextbook(YEAR)
    const actual = [
      [50_000, -rmse],
      [50_000, 3 * rmse],
      [50_000, 3 * rmse],
      [80_000, 0],
      [50_000, 0],
    ].map(([q = 0, above = 0]) => point(b0 + b1 * q + above, q))
    const seen = againstBaseline(baseline, actual)
    expect(seen.map(({ extrapolated }) => extrapolated)).toEqual([false, false, false, true, false])
    // z = −1, 3, 3, 0, 0 → S+ = 0, 2.5, 5, 4.5, 4; S− = 0.5, 0, 0, 0, 0.
    expect(seen.map(({ above }) => Math.round(toNumber(above) * 1000) / 1000)).toEqual([0, 2.5, 5, 4.5, 4])
    expect(seen.map(({ below }) => Math.round(toNumber(below) * 1000) / 1000)).toEqual([0.5, 0, 0, 0, 0])
    expect(seen.map(({ alarm }) => alarm)).toEqual([false, false, true, true, true])
    expect(toNumber(seen[0]?.savings ?? amount(0, 0))).toBeCloseTo(rmse, 1)
    expect(toNumber(seen[4]?.cusumSavings ?? amount(0, 0))).toBeCloseTo(-5 * rmse, 1)
  })
})

describe('integer root', () => {
  it('is the largest integer whose square fits', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 40n }), (value) => {
        const root = integerRoot(value)
        expect(root * root <= value && (root + 1n) * (root + 1n) > value).toBe(true)
      }),
    )
  })
})
