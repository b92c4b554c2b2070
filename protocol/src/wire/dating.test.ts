import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bootId, type ClockQuality, epochMs, monoMs, type Stamp } from '../time.js'
import { type Anchor, dateOf } from './dating.js'

const [a, b, c] = [bootId('boot-a'), bootId('boot-b'), bootId('boot-c')]
const noon = 1_790_000_000_000
const stamp = (boot = b, mono = 0, wall = 0, quality: ClockQuality = 'U'): Stamp => ({
  boot,
  mono: monoMs(mono),
  wall: epochMs(wall),
  quality,
})
const anchor = (boot = b, mono = 0, at = noon, error_ms = 50): Anchor => ({
  boot,
  mono: monoMs(mono),
  true_wall: epochMs(at),
  error_ms,
})

describe('dating a record', () => {
  it('leaves a synchronised stamp as it was made', () => {
    expect(dateOf(stamp(b, 5, noon, 'S'), [anchor(b, 0, noon + 999)])).toEqual({ at: noon, quality: 'S' })
  })

  it('dates a 1970 boot by an anchor of the hour after, with its error and the drift in the bound', () => {
    expect(dateOf(stamp(b, 1000, 1000), [anchor(b, 3_601_000, noon)])).toEqual({
      at: noon - 3_600_000,
      quality: 'D',
      errorMs: 50 + 360,
    })
  })

  it('takes the anchor with the least bound, not the latest', () => {
    const near = anchor(b, 2000, noon, 80)
    expect(dateOf(stamp(b, 1000), [near, anchor(b, 90_000_000, noon + 90_000_000, 5)])).toMatchObject({
      at: noon - 1000,
      errorMs: 81,
    })
  })

  it('never borrows the anchor of another boot', () => {
    expect(dateOf(stamp(b, 0, 7), [anchor(a), anchor(c)])).toEqual({ at: 7, quality: 'U' })
  })

  it('bounds a boot that was never anchored by its neighbours, and draws its label between them', () => {
    const anchors = [anchor(a, 1000, noon, 10), anchor(c, 60_000, noon + 3_600_000, 20)]
    const dated = dateOf(stamp(b, 500, 0), anchors, [a, b, c])
    expect(dated).toEqual({ at: noon - 10, quality: 'U', lower: noon - 10, upper: noon + 3_600_000 - 60_000 + 20 + 6 })
    expect(dateOf(stamp(b, 500, noon * 2), anchors, [a, b, c]).at).toBe(dated.upper)
    expect(dateOf(stamp(b, 500, noon + 5), anchors, [a, b, c]).at).toBe(noon + 5)
  })

  it('holds its bound for every true time and every drift up to 100 ppm', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 10 * 86_400_000 }),
        fc.integer({ min: 0, max: 10 * 86_400_000 }),
        fc.integer({ min: -100, max: 100 }),
        fc.integer({ min: -50, max: 50 }),
        (recordMono, anchorMono, ppm, anchorError) => {
          const trueAt = (mono: number): number => noon + mono * (1 + ppm / 1_000_000)
          const at = anchor(b, anchorMono, Math.round(trueAt(anchorMono) + anchorError))
          const dated = dateOf(stamp(b, recordMono), [at])
          // One millisecond for the two roundings.
          expect(Math.abs(dated.at - trueAt(recordMono))).toBeLessThanOrEqual((dated.errorMs ?? -1) + 1)
        },
      ),
    )
  })
})
