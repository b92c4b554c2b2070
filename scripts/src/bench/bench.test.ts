import { describe, expect, it } from 'vitest'
import { benchPlant, bestPlan, blocksOf, LINE, minimumMs, TURNAROUND_MS } from './bus-case.js'
import { median, tableText } from './figures.js'
import { frozenReadings } from './frozen-readings.js'

/** Figures themselves are never asserted; what they are about is. */
describe('what the benches measure', () => {
  it('is the frozen hour of 8 meters × 20 quantities × 10 s, and no other', () => {
    const readings = frozenReadings()
    expect(readings).toHaveLength(8 * 360)
    expect(new Set(readings.map(({ meter }) => meter)).size).toBe(8)
    for (const { values } of readings) {
      expect(values).toHaveLength(20)
      expect(values.every((value) => 'value' in value)).toBe(true)
    }
  })

  it('is 20 quantities a meter, and the minimum is the sum of characters, turnaround and t3.5', () => {
    const blocks = blocksOf(bestPlan())
    expect(blocks.flatMap(({ items }) => items)).toHaveLength(20)
    const characterMs = 10_000 / LINE.baud
    const byHand = blocks.map(({ count }) => (8 + 5 + 2 * count) * characterMs + TURNAROUND_MS + 38_500 / LINE.baud)
    const sum = byHand.reduce((total, each) => total + each, 0)
    expect(minimumMs(7)).toBeCloseTo(7 * sum, 6)
    expect(benchPlant(32).meters).toHaveLength(32)
  })

  it('is shown as the median, in a table whose columns line up', () => {
    expect(median([9, 1, 5, 3, 7])).toBe(5)
    const lines = tableText({
      title: 'T',
      how: 'H',
      rows: [
        { what: 'one', ms: 5 },
        { what: 'three', ms: 1234 },
      ],
    }).split('\n')
    expect(lines.slice(3, 7)).toEqual(['what     ms', '-----------', 'one       5', 'three  1234'])
  })
})
