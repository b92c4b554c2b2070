import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../testing/seeded-random.js'
import { askedWait, parseRetryAfter, retryWaits, slowWait } from './retry-schedule.js'

const take = (seed: number, count: number): number[] => {
  const waits = retryWaits(new SeededRandom(seed))
  return Array.from({ length: count }, () => waits.next().value)
}

describe('retry waits', () => {
  it('stay between a second and a quarter of an hour, for ever', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        for (const wait of take(seed, 200)) {
          expect(wait).toBeGreaterThanOrEqual(1_000)
          expect(wait).toBeLessThanOrEqual(900_000)
        }
      }),
      { numRuns: 50 },
    )
  })

  it('grow on average, and spread over the whole range', () => {
    const runs = Array.from({ length: 500 }, (_, seed) => take(seed, 20))
    const mean = (attempt: number): number => runs.reduce((sum, run) => sum + (run[attempt] ?? 0), 0) / runs.length
    expect(mean(0)).toBeLessThan(2_000)
    expect(mean(6)).toBeGreaterThan(mean(3))
    expect(mean(15)).toBeGreaterThan(400_000)
    expect(mean(15)).toBeLessThan(500_000)
    const late = runs.map((run) => run[15] ?? 0)
    expect(late.filter((wait) => wait < 90_000).length).toBeGreaterThan(20)
    expect(late.filter((wait) => wait > 810_000).length).toBeGreaterThan(20)
  })

  it('are the same for the same device and others for another', () => {
    expect(take(1, 10)).toEqual(take(1, 10))
    expect(take(1, 10)).not.toEqual(take(2, 10))
  })

  it('of a blocked gateway are slow', () => {
    for (let seed = 0; seed < 50; seed += 1) expect(slowWait(new SeededRandom(seed))).toBeGreaterThanOrEqual(450_000)
  })
})

describe('Retry-After', () => {
  const date = 'Mon, 23 Nov 2026 08:00:00 GMT'

  it.each([
    ['0', 0],
    ['-1', -1_000],
    ['120', 120_000],
    ['1000000000000', 1e15],
    ['abc', undefined],
    ['', undefined],
    ['1e9', undefined],
    ['Mon, 23 Nov 2026 08:05:00 GMT', 300_000],
    ['Mon, 23 Nov 2020 08:00:00 GMT', -189_302_400_000],
    ['Thu, 01 Jan 2099 00:00:00 GMT', 2_275_488_000_000],
    ['Mon, 99 Nov 2026 08:05:00 GMT', undefined],
  ])('%s is understood', (field, expected) => {
    expect(parseRetryAfter(field, date)).toBe(expected)
  })

  it("reads a date only against the server's own", () => {
    expect(parseRetryAfter('Mon, 23 Nov 2026 08:05:00 GMT', undefined)).toBeUndefined()
  })

  it('is clamped to [1 s, 1 h] whatever it says, and never shorter than what was asked within that', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), fc.integer(), (asked, seed) => {
        const wait = askedWait(asked, new SeededRandom(seed))
        expect(wait).toBeGreaterThanOrEqual(1_000)
        expect(wait).toBeLessThanOrEqual(3_600_000)
        expect(wait).toBeGreaterThanOrEqual(Math.floor(Math.min(asked, 3_600_000)))
      }),
    )
  })
})
