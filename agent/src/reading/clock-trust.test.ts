import { epochMs, monoMs } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { HandClock } from '../testing/hand-clock.js'
import { ClockTrust } from './clock-trust.js'

describe('what a stamp says of the clock', () => {
  it('is U until there is evidence', () => {
    const trust = new ClockTrust(new HandClock(1000, 1.7e12))
    expect(trust.stamp().quality).toBe('U')
  })

  it('becomes S when the cloud agrees, and an anchor dates the boot', () => {
    const clock = new HandClock(1000, 1.7e12)
    const trust = new ClockTrust(clock)
    const { anchor } = trust.serverTime(epochMs(1.7e12 + 900), 200)
    expect(trust.stamp().quality).toBe('S')
    expect(anchor).toEqual({ boot: 'b1', mono: 1000, true_wall: 1.7e12 + 1000, error_ms: 101, source: 'cloud' })
  })

  it('stays U with a 1970 clock, but the boot is dated', () => {
    const trust = new ClockTrust(new HandClock(5_000, 0))
    const { anchor } = trust.serverTime(epochMs(1.7e12), 100)
    expect(trust.stamp().quality).toBe('U')
    expect(anchor?.true_wall).toBe(1.7e12 + 50)
  })

  it('falls back to U when evidence stops coming for so long that drift could exceed the promise', () => {
    const clock = new HandClock(1000, 1.7e12)
    const trust = new ClockTrust(clock)
    trust.serverTime(epochMs(1.7e12 + 1000), 10)
    clock.monoNow += 5 * 3_600_000
    expect(trust.stamp().quality).toBe('S')
    clock.monoNow += 2 * 3_600_000
    expect(trust.stamp().quality).toBe('U')
  })

  it('learns nothing from a slow answer', () => {
    const trust = new ClockTrust(new HandClock(1000, 1.7e12))
    expect(trust.serverTime(epochMs(1.7e12), 5_000)).toEqual({})
    expect(trust.stamp().quality).toBe('U')
  })

  it('loses S at a step of the wall clock and says by how much, once', () => {
    const clock = new HandClock(1000, 1.7e12)
    const trust = new ClockTrust(clock)
    trust.watch()
    trust.serverTime(epochMs(1.7e12 + 1000), 10)
    clock.offset += 3_600_000
    expect(trust.stamp().quality).toBe('U')
    expect(trust.watch().steppedMs).toBe(3_600_000)
    expect(trust.watch()).toEqual({})
    expect(trust.stamp().quality).toBe('U')
  })

  it('writes no anchor for each answer, but one when true time moved against the boot', () => {
    const clock = new HandClock(1000, 1.7e12)
    const trust = new ClockTrust(clock)
    trust.serverTime(epochMs(1.7e12 + 1000), 10)
    clock.monoNow += 60_000
    expect(trust.serverTime(epochMs(1.7e12 + 61_000), 10).anchor).toBeUndefined()
    clock.monoNow += 60_000
    expect(trust.serverTime(epochMs(1.7e12 + 131_000), 10).anchor).toBeDefined()
  })

  it('stamps the past of the same boot', () => {
    const clock = new HandClock(9_000, 1.7e12)
    expect(new ClockTrust(clock).stamp(monoMs(4_000)).wall).toBe(1.7e12 + 4_000)
  })
})
