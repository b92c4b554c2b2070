import { describe, expect, it } from 'vitest'
import { type CounterLimits, judgeStep } from './counter-delta.js'

const HOUR = 3_600_000
/** 100.00 kW in hundredths of a kWh, a register of 6 digits. */
const limits: CounterLimits = { modulus: 1_000_000, maxPerHour: 10_000, step: 1 }
const judge = (before: number, after: number, ms = HOUR, more: Partial<CounterLimits> = {}) =>
  judgeStep({ at: 0, n: before }, { at: ms, n: after }, { ...limits, ...more })

describe('one step of a counter', () => {
  it('goes forward, and by nothing', () => {
    expect(judge(500, 700)).toEqual({ kind: 'forward', rise: 200 })
    expect(judge(500, 500)).toEqual({ kind: 'forward', rise: 0 })
  })

  it('jumps only beyond the largest power with a fifth more and a minute of refresh', () => {
    const most = 1 + (10_000 * 61 * 1.2) / 60
    expect(judge(0, most)).toEqual({ kind: 'forward', rise: most })
    expect(judge(0, most + 1)).toEqual({ kind: 'jump', rise: most + 1, most })
  })

  it('lets a slow register turn one step of its own at any moment', () => {
    expect(judge(0, 60, 1000, { maxPerHour: 1, step: 60 }).kind).toBe('forward')
    expect(judge(0, 63, 1000, { maxPerHour: 1, step: 60 }).kind).toBe('jump')
  })

  it('rolls over only where the rise over the modulus is plausible', () => {
    expect(judge(999_900, 100)).toEqual({ kind: 'rollover', rise: 200 })
    expect(judge(500_000, 100)).toEqual({ kind: 'decrease', fall: 499_900 })
    expect(judge(999_900, 100, HOUR, { modulus: undefined })).toEqual({ kind: 'decrease', fall: 999_800 })
  })

  it('takes no fall from mid-register for a rollover, however long the gap that makes the rise plausible', () => {
    const weekend = 59 * HOUR
    expect(judge(400_030, 0, weekend).kind).toBe('decrease')
    expect(judge(899_999, 0, weekend).kind).toBe('decrease')
    expect(judge(900_000, 100_001, weekend).kind).toBe('decrease')
    expect(judge(900_000, 100_000, weekend).kind).toBe('rollover')
  })

  it('believes a rollover by a presumed largest power only where hardly a reading was missed', () => {
    const presumed = { rolloverWithinMs: 180_000, maxPerHour: 1_000_000 }
    expect(judge(999_900, 100, 180_000, presumed).kind).toBe('rollover')
    expect(judge(999_900, 100, 180_001, presumed).kind).toBe('decrease')
    // So near to the end of a register that only chance could have reset it there.
    expect(judge(999_950, 50, 180_001, presumed).kind).toBe('rollover')
  })

  it('without a largest power believes a rollover from the top tenth to the bottom tenth', () => {
    const open = { maxPerHour: undefined }
    expect(judge(900_000, 100_000, HOUR, open).kind).toBe('rollover')
    expect(judge(899_999, 0, HOUR, open).kind).toBe('decrease')
    expect(judge(0, 999_999, HOUR, open).kind).toBe('forward')
  })
})
