import { durationMs, monoMs } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { HandClock } from '../testing/hand-clock.js'
import { firstSlot, nextSlot } from './grid.js'

const period = durationMs(10_000)

describe('the polling grid', () => {
  it('starts at the next line of the wall clock', () => {
    const clock = new HandClock(5_000, 1_700_000_002_345)
    const due = firstSlot(clock, period)
    expect((due + clock.offset) % period).toBe(0)
    expect(due - clock.monoNow).toBeGreaterThan(0)
    expect(due - clock.monoNow).toBeLessThanOrEqual(period)
  })

  it('stays on the grid slot after slot', () => {
    const clock = new HandClock(5_000, 1_700_000_002_345)
    let due = firstSlot(clock, period)
    for (let i = 0; i < 100; i += 1) {
      clock.monoNow = due + 130
      due = nextSlot(clock, due, period).due
      expect((due + clock.offset) % period).toBe(0)
    }
  })

  it('is not moved by the fractions of a millisecond that the wall clock does not tell', () => {
    const clock = new HandClock(5_000.25, 1_700_000_002_344.75)
    const first = firstSlot(clock, period)
    let due = first
    for (let i = 1; i <= 100; i += 1) {
      clock.monoNow = due + 130 + (i % 10) / 10
      due = nextSlot(clock, due, period).due
      expect(due).toBe(first + i * period)
    }
  })

  it('keeps the slot that fell into the poll itself', () => {
    const clock = new HandClock(21_000, 0)
    expect(nextSlot(clock, monoMs(10_000), period, monoMs(19_000))).toEqual({ due: 20_000, skipped: 0 })
    expect(nextSlot(clock, monoMs(10_000), period, monoMs(20_500))).toEqual({ due: 30_000, skipped: 1 })
  })

  it('skips slots that have passed and never makes up for them', () => {
    const clock = new HandClock(0, 0)
    clock.monoNow = 35_000
    expect(nextSlot(clock, monoMs(10_000), period)).toEqual({ due: 40_000, skipped: 2 })
  })

  it.each([3_600_000, -3_600_000, 4_321, -4_321, -7.2e10])(
    'keeps its cadence over a wall clock step of %d ms',
    (step) => {
      const clock = new HandClock(0, 1_700_000_000_000)
      let due = firstSlot(clock, period)
      clock.offset += step
      for (let i = 0; i < 60; i += 1) {
        clock.monoNow = due + 50
        const next = nextSlot(clock, due, period)
        expect(next.due - due).toBeGreaterThanOrEqual(9_500)
        expect(next.due - due).toBeLessThanOrEqual(10_500)
        due = next.due
      }
      expect((((due + clock.offset) % period) + period) % period).toBe(0)
    },
  )
})
