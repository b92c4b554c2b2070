import { epochMs, monoMs } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { HandClock } from '../testing/hand-clock.js'
import { type ClockFinding, ClockTrust } from './clock-trust.js'

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

describe('a clock somebody sets while a daemon keeps it', () => {
  const MARKED = 1.7e12 - 5 * 60_000
  /** At wall 1.7e12 + 1 s timesyncd has last set the clock five minutes ago. */
  function kept() {
    const clock = new HandClock(1000, 1.7e12)
    const trust = new ClockTrust(clock)
    trust.watch()
    trust.systemEvidence({ source: 'timesyncd', errorMs: 500, markMs: MARKED })
    return { clock, trust }
  }

  for (const minutes of [20, -3]) {
    it(`${minutes} minutes ahead: what the daemon did before is no word on it, what it does next is`, () => {
      const { clock, trust } = kept()
      expect(trust.quality()).toBe('S')
      clock.offset += minutes * 60_000
      clock.monoNow += 5_000
      expect(trust.watch().steppedMs).toBe(minutes * 60_000)
      clock.monoNow += 5_000
      expect(trust.systemEvidence({ source: 'timesyncd', errorMs: 500, markMs: MARKED })).toEqual({})
      expect(trust.quality()).toBe('U')
      clock.offset -= minutes * 60_000
      clock.monoNow += 5_000
      trust.watch()
      // Seen for the first time, and before the second step as far as anybody can tell.
      trust.systemEvidence({ source: 'timesyncd', errorMs: 500, markMs: MARKED })
      expect(trust.quality()).toBe('U')
      const again = clock.wall() + 60_000
      clock.monoNow += 61_000
      trust.systemEvidence({ source: 'timesyncd', errorMs: 500, markMs: again })
      expect(trust.quality()).toBe('S')
    })
  }

  it('believes at once the daemon that itself set a clock of 1970', () => {
    const clock = new HandClock(5_000, 0)
    const trust = new ClockTrust(clock)
    trust.watch()
    clock.offset = 1.7e12
    clock.monoNow += 5_000
    const found = trust.systemEvidence({ source: 'timesyncd', errorMs: 500, markMs: clock.wall() - 2_000 })
    expect(found).toMatchObject({ steppedMs: 1.7e12, anchor: { true_wall: clock.wall() } })
    expect(trust.quality()).toBe('S')
  })

  it('takes no answer that was asked for before the step', () => {
    const { clock, trust } = kept()
    const asked = clock.mono()
    clock.offset += 60_000
    clock.monoNow += 1_000
    expect(trust.systemEvidence({ source: 'chrony', errorMs: 5 }, asked)).toEqual({ steppedMs: 60_000 })
    expect(trust.quality()).toBe('U')
  })

  it('adds up small steps until there is new evidence', () => {
    const { clock, trust } = kept()
    const steps: (number | undefined)[] = []
    for (let step = 0; step < 10; step += 1) {
      clock.monoNow += 5_000
      clock.offset += 900
      steps.push(trust.watch().steppedMs)
      trust.systemEvidence({ source: 'timesyncd', errorMs: 500, markMs: MARKED })
    }
    expect(steps.reduce<number>((sum, by) => sum + (by ?? 0), 0)).toBe(9_000)
    expect(trust.quality()).toBe('U')
  })
})

describe('sources that disagree', () => {
  /** An hour with a question to the system and an answer of the cloud each minute. */
  function anHour(cloudAheadMs: (minute: number) => number, hasSystem = true) {
    const clock = new HandClock(1000, 1.7e12)
    const trust = new ClockTrust(clock)
    const found: ClockFinding[] = []
    const qualities = new Set<string>()
    for (let minute = 0; minute < 60; minute += 1) {
      if (hasSystem) found.push(trust.systemEvidence({ source: 'chrony', errorMs: 5, markMs: clock.wall() }))
      qualities.add(trust.quality())
      clock.monoNow += 30_000
      found.push(trust.serverTime(epochMs(clock.wall() + cloudAheadMs(minute)), 50), trust.watch())
      qualities.add(trust.quality())
      clock.monoNow += 30_000
    }
    return {
      anchors: found.flatMap(({ anchor }) => anchor ?? []),
      told: found.flatMap((one) => one.dispute ?? []),
      qualities,
    }
  }

  it("keep the daemon's word, do not flip, and are told once", () => {
    const { anchors, told, qualities } = anHour(() => 3_000)
    expect(anchors).toMatchObject([{ source: 'chrony' }])
    expect(told).toEqual([{ source: 'cloud', against: 'chrony', byMs: 3_025 }])
    expect([...qualities]).toEqual(['S'])
  })

  it('within their errors are no news', () => {
    const { anchors, told, qualities } = anHour(() => 900)
    expect(anchors).toHaveLength(1)
    expect(told).toEqual([])
    expect([...qualities]).toEqual(['S'])
  })

  it('a cloud of two servers that differ moves the time at most once an hour', () => {
    const { anchors, told } = anHour((minute) => (minute % 2) * 5_000, false)
    expect(anchors.length).toBeLessThanOrEqual(2)
    expect(told).toHaveLength(1)
  })

  it('the daemon comes after the cloud and is believed; its word once too old to promise anything outranks nobody', () => {
    const clock = new HandClock(1000, 1.7e12)
    const trust = new ClockTrust(clock)
    trust.serverTime(epochMs(clock.wall() + 60_000), 50)
    expect(trust.quality()).toBe('U')
    const { anchor, dispute } = trust.systemEvidence({ source: 'chrony', errorMs: 5 })
    expect(anchor).toMatchObject({ source: 'chrony', error_ms: 5 })
    expect(dispute).toMatchObject({ source: 'chrony', against: 'cloud' })
    expect(trust.quality()).toBe('S')
    clock.monoNow += 6 * 3_600_000
    expect(trust.serverTime(epochMs(clock.wall() + 60_000), 50).anchor).toMatchObject({ source: 'cloud' })
  })
})

describe('a technician who confirms the clock', () => {
  it('and compares it better later is dated by the better word', () => {
    const clock = new HandClock(1000, 1.7e12)
    const trust = new ClockTrust(clock)
    const confirm = (errorMs: number) =>
      trust.technicianConfirms({ wall: clock.wall(), mono: clock.mono() }, errorMs).anchor
    expect(confirm(60_500)).toMatchObject({ error_ms: 60_500 })
    expect(trust.quality()).toBe('U')
    clock.monoNow += 60_000
    expect(confirm(1_500)).toMatchObject({ error_ms: 1_500 })
    expect(confirm(1_500)).toBeUndefined()
    expect(trust.state()).toMatchObject({ quality: 'S', word: { source: 'technician', errorMs: 1_500, offByMs: 0 } })
  })

  it('vouches for what was shown, not for what the clock was set to while he looked', () => {
    const clock = new HandClock(1000, 1.7e12)
    const trust = new ClockTrust(clock)
    trust.watch()
    const shown = { wall: clock.wall(), mono: clock.mono() }
    clock.monoNow += 8_000
    expect(trust.technicianConfirms(shown, 1_500).anchor).toMatchObject({
      mono: 1_000,
      true_wall: 1.7e12 + 1_000,
      error_ms: 1_500,
      source: 'technician',
    })
    expect(trust.quality()).toBe('S')
    clock.offset += 600_000
    expect(trust.technicianConfirms(shown, 1_500)).toEqual({ steppedMs: 600_000 })
    expect(trust.quality()).toBe('U')
  })
})
