import { amount, epochMs } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { type CheckedInterval, checkIntervals } from './energy-check.js'

const quantity = 'energy_active_import_total'
const QUARTER = 900_000
const kwh = (n: number) => amount(n, -2)

/** A register read every ten minutes: boundaries lie between readings. */
const samples = [0, 600, 1200, 1800, 2400].map((second, index) => ({
  at: epochMs(second * 1000 + 100_000),
  value: kwh([1000, 1010, 1031, 1031, 1090][index] ?? 0),
}))

function interval(start: number, from: number, to: number, formula = 'interval/2'): CheckedInterval {
  const delta = { quantity, from: kwh(from), to: kwh(to), delta: kwh(to - from), flag: 'measured' } as const
  return { start: epochMs(start), end: epochMs(start + QUARTER), deltas: [delta], formula }
}

describe('working intervals out again', () => {
  it('agrees with registers that are linear between the readings, cut off', () => {
    // At 900 s: 1010 + 21 × 200/600 = 1017; at 1800 s: 1031.
    expect(checkIntervals(samples, [interval(QUARTER, 1017, 1031)], quantity)).toEqual({
      intervals: 1,
      agreeing: 1,
      not_comparable: 0,
      differing: [],
    })
  })

  it('brings a boundary to its digit as the formula of the interval says', () => {
    const later = [...samples, { at: epochMs(3_100_000), value: kwh(1091) }]
    const [cut, rounded] = [interval(2 * QUARTER, 1031, 1090), interval(2 * QUARTER, 1031, 1090, 'interval/1')]
    // At 2700 s: 1090 + 1 × 200/600 = 1090.33; at 1800 s: 1031.
    expect(checkIntervals(later, [cut, rounded], quantity)).toMatchObject({ agreeing: 2, differing: [] })
    const steep = [...samples, { at: epochMs(3_100_000), value: kwh(1095) }]
    // 1090 + 5 × 200/600 = 1091.67.
    const found = checkIntervals(
      steep,
      [interval(2 * QUARTER, 1031, 1091), interval(2 * QUARTER, 1031, 1092, 'interval/1')],
      quantity,
    )
    expect(found).toMatchObject({ agreeing: 2, differing: [] })
  })

  it('finds an interval that says one digit more than the readings', () => {
    const found = checkIntervals(samples, [interval(QUARTER, 1017, 1032)], quantity)
    expect(found.differing).toEqual([{ start: QUARTER, stored: kwh(15), computed: kwh(14) }])
  })

  it('judges nothing where readings are missing or the register fell', () => {
    const early = checkIntervals(samples, [interval(0, 999, 1017)], quantity)
    expect(early).toMatchObject({ agreeing: 0, not_comparable: 1, differing: [] })
    const fell = samples.map((sample, index) => (index === 2 ? { ...sample, value: kwh(3) } : sample))
    expect(checkIntervals(fell, [interval(QUARTER, 1017, 1031)], quantity).not_comparable).toBe(1)
  })
})
