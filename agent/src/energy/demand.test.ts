import { type Amount, amount, epochMs, toNumber } from '@metergate/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  BLOCK_15,
  type DemandPeak,
  loadFactor,
  maxDemand,
  meanPower,
  type PowerLine,
  powerCoverage,
  SLIDING_15,
} from './demand.js'
import { workedCase } from './fixtures/worked-case.js'
import { PlantZone } from './plant-time.js'

const zone = new PlantZone('Asia/Shanghai')
const peak = z.object({ kw: z.number(), window_start: z.number(), window_end: z.number() })
const { input, expected } = workedCase(
  'C4_max_demand',
  z.object({
    start: z.number(),
    step_s: z.number(),
    kw: z.array(z.number()),
    kw_with_missing: z.array(z.number().nullable()),
    number_of_periods: z.literal(15),
  }),
  z.object({
    block_15: peak,
    sliding_15_step_1: peak,
    sliding_15_step_5: peak,
    mean_kw: z.number(),
    load_factor_block: z.number(),
    load_factor_sliding: z.number(),
    with_missing: z.object({ block_15: peak, sliding_15_step_1: peak, minute_coverage: z.number() }),
  }),
)
const line = (kw: readonly (number | null)[]): PowerLine => ({
  start: epochMs(input.start * 1000),
  stepMs: input.step_s * 1000,
  kw: kw.map((one) => (one === null ? null : amount(one, 0))),
})
const close = (seen: Amount | null, wanted: number) =>
  expect(Math.abs((seen ? toNumber(seen) : Number.NaN) - wanted)).toBeLessThanOrEqual(1e-6)

function expectPeak(seen: DemandPeak | null, wanted: z.infer<typeof peak>) {
  close(seen?.kw ?? null, wanted.kw)
  expect([seen?.start, seen?.end]).toEqual([wanted.window_start * 1000, wanted.window_end * 1000])
}

describe('worked case C4: maximum demand', () => {
  const whole = line(input.kw)
  const holed = line(input.kw_with_missing)

  it('finds block and sliding demand with their windows', () => {
    expectPeak(maxDemand(whole, BLOCK_15, zone), expected.block_15)
    expectPeak(maxDemand(whole, SLIDING_15, zone), expected.sliding_15_step_1)
    expectPeak(maxDemand(whole, { periods: 15, stepPeriods: 5 }, zone), expected.sliding_15_step_5)
  })

  it('gives mean power and both load factors', () => {
    const mean = meanPower(whole)
    close(mean, expected.mean_kw)
    close(loadFactor(mean, maxDemand(whole, BLOCK_15, zone)), expected.load_factor_block)
    close(loadFactor(mean, maxDemand(whole, SLIDING_15, zone)), expected.load_factor_sliding)
  })

  it('does not use a window with a missing minute', () => {
    expectPeak(maxDemand(holed, BLOCK_15, zone), expected.with_missing.block_15)
    expectPeak(maxDemand(holed, SLIDING_15, zone), expected.with_missing.sliding_15_step_1)
    close(powerCoverage(holed), expected.with_missing.minute_coverage)
  })
})

describe('maximum demand', () => {
  it('never slides below the block', () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.integer({ min: 0, max: 500 }), { freq: 30 }), { minLength: 15, maxLength: 120 }),
        (kw) => {
          const block = maxDemand(line(kw), BLOCK_15, zone)
          const sliding = maxDemand(line(kw), SLIDING_15, zone)
          if (block) expect(toNumber(sliding?.kw ?? amount(-1, 0))).toBeGreaterThanOrEqual(toNumber(block.kw))
        },
      ),
    )
  })

  it('has no value when no window is complete, and no load factor without demand', () => {
    expect(maxDemand(line(Array.from({ length: 14 }, () => 5)), SLIDING_15, zone)).toBeNull()
    const idle = line(Array.from({ length: 15 }, () => 0))
    expect(loadFactor(meanPower(idle), maxDemand(idle, BLOCK_15, zone))).toBeNull()
  })
})
