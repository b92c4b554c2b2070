import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bootId, epochMs, monoMs, type Stamp } from '../time.js'
import { AnchorBook } from './boot-anchors.js'
import { type Anchor, dateOf } from './dating.js'

const [a, b] = [bootId('boot-a'), bootId('boot-b')]
const noon = 1_790_000_000_000
const DAY = 86_400_000
const stampAt = (mono: number): Stamp => ({ boot: b, mono: monoMs(mono), wall: epochMs(7), quality: 'U' })
const day = fc.integer({ min: 0, max: 3 * DAY })
const anchors = fc.array(
  fc.record({
    boot: fc.constantFrom(a, b, b, b),
    mono: day.map(monoMs),
    true_wall: day.map((ms) => epochMs(noon + ms)),
    error_ms: fc.integer({ min: 0, max: 5000 }),
  }),
  { maxLength: 12 },
)

describe('anchors put in order once', () => {
  it('date like dateOf: with the least bound', () => {
    fc.assert(
      fc.property(anchors, day, (all, mono) => {
        const [quick, plain] = [new AnchorBook(all).dateOf(stampAt(mono)), dateOf(stampAt(mono), all)]
        expect([quick.quality, quick.errorMs]).toEqual([plain.quality, plain.errorMs])
        const own = all.filter(({ boot }) => boot === b).map((each) => dateOf(stampAt(mono), [each]))
        const best = own.filter(({ errorMs }) => errorMs === plain.errorMs).map(({ at }) => at)
        expect(own.length === 0 ? [plain.at] : best).toContain(quick.at)
      }),
      { numRuns: 2000 },
    )
  })

  it('tell where in the boot everything lies that is dated within a range, and little more', () => {
    fc.assert(
      fc.property(anchors, day, day, day, (all, mono, from, length) => {
        const boot = new AnchorBook(all).of(b)
        const at = new AnchorBook(all).dateOf(stampAt(mono)).at
        const [start, end] = [noon + from, noon + from + length]
        const ranges = boot?.monosWithin(epochMs(start), epochMs(end)) ?? []
        const isFound = ranges.some((range) => range.from <= mono && mono <= range.to)
        if (boot && at >= start && at <= end) expect(isFound).toBe(true)
        if (isFound) expect([at >= start - 2, at <= end + 2]).toEqual([true, true])
      }),
      { numRuns: 2000 },
    )
  })

  it('of a year are few for one hour, however many there are', () => {
    const year = Array.from(
      { length: 1460 },
      (_, i): Anchor => ({ boot: b, mono: monoMs(i * DAY), true_wall: epochMs(noon + i * DAY + i), error_ms: 50 }),
    )
    const at = noon + 1000 * DAY
    const [range, ...more] = new AnchorBook(year).of(b)?.monosWithin(epochMs(at), epochMs(at + 3_600_000)) ?? []
    expect(more).toEqual([])
    expect((range?.to ?? 0) - (range?.from ?? 0)).toBeLessThan(3_601_000)
  })
})
