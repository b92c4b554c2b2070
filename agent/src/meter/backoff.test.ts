import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../testing/virtual-clock.js'
import { Backoff, DEFAULT_BACKOFF } from './backoff.js'

const TIMEOUT = 500

/** Runs a line whose units in `dead()` never answer, for `ms`; a poll of a live unit takes 60 ms. */
async function run(
  clock: VirtualClock,
  backoff: Backoff,
  units: readonly string[],
  dead: (unit: string) => boolean,
  ms: number,
) {
  const end = clock.mono() + ms
  const spent = { live: 0, inVain: 0 }
  const cameBack = new Map<string, number>()
  const ask = async (unit: string): Promise<void> => {
    const cost = dead(unit) ? TIMEOUT : 60
    await clock.advance(cost)
    if (dead(unit)) {
      spent.inVain += cost
      backoff.missed(unit, cost)
      return
    }
    spent.live += cost
    if (backoff.answered(unit) === 'came_back') cameBack.set(unit, clock.mono())
  }
  while (clock.mono() < end) {
    const live = units.filter((unit) => backoff.isLive(unit))
    for (const unit of live) await ask(unit)
    const probe = backoff.dueProbe()
    if (probe !== undefined) await ask(probe)
    if (live.length === 0 && probe === undefined) await clock.advance(1000)
  }
  return { ...spent, cameBack }
}

const units = (count: number): string[] => Array.from({ length: count }, (_, i) => `modbus:${i + 1}`)

describe('a dead unit', () => {
  it('is one that missed twice in a row; one lost answer changes nothing', () => {
    const backoff = new Backoff(new VirtualClock())
    expect(backoff.missed('a', TIMEOUT)).toBeUndefined()
    expect(backoff.answered('a')).toBeUndefined()
    expect(backoff.missed('a', TIMEOUT)).toBeUndefined()
    expect(backoff.isLive('a')).toBe(true)
    expect(backoff.missed('a', TIMEOUT)).toBe('went_silent')
    expect(backoff.isLive('a')).toBe(false)
  })

  it('is probed after 5, 10, 20, 40 and then every 60 seconds', async () => {
    const clock = new VirtualClock()
    const backoff = new Backoff(clock)
    backoff.missed('a', TIMEOUT)
    backoff.missed('a', TIMEOUT)
    const waits: number[] = []
    for (let i = 0; i < 6; i++) {
      const at = backoff.nextProbeAt() ?? Number.NaN
      waits.push(at - clock.mono())
      expect(backoff.dueProbe()).toBeUndefined()
      await clock.advance(at - clock.mono())
      expect(backoff.dueProbe()).toBe('a')
      backoff.missed('a', 1)
    }
    expect(waits).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000])
  })

  it('is back with its first answer, within one probe period of being able to answer', async () => {
    const clock = new VirtualClock()
    const backoff = new Backoff(clock)
    let isDead = true
    await run(clock, backoff, units(8), (unit) => isDead && unit === 'modbus:3', 3_600_000)
    isDead = false
    const revived = clock.mono()
    const { cameBack } = await run(clock, backoff, units(8), () => false, 120_000)
    expect((cameBack.get('modbus:3') ?? Number.POSITIVE_INFINITY) - revived).toBeLessThan(
      DEFAULT_BACKOFF.longestMs + 1000,
    )
    expect(backoff.presence('modbus:3')).toEqual({ kind: 'live', misses: 0 })
  })

  it.each([
    [8, 1, 0.98],
    [32, 3, 0.97],
    [32, 16, 0.94],
  ])('of %i units with %i dead leaves the live ones at least %f of a busy line', async (all, dead, share) => {
    const clock = new VirtualClock()
    const backoff = new Backoff(clock)
    const isDead = (unit: string): boolean => Number(unit.slice(7)) <= dead
    await run(clock, backoff, units(all), isDead, 120_000)
    const { live, inVain } = await run(clock, backoff, units(all), isDead, 3_600_000)
    expect(live / (live + inVain)).toBeGreaterThan(share)
  })

  it('does not keep other dead units from their probe', async () => {
    const clock = new VirtualClock()
    const backoff = new Backoff(clock)
    const probed = new Set<string>()
    for (const unit of units(10)) for (let i = 0; i < 2; i++) backoff.missed(unit, TIMEOUT)
    for (let i = 0; i < 400; i++) {
      await clock.advance(1000)
      const unit = backoff.dueProbe()
      if (unit === undefined) continue
      probed.add(unit)
      backoff.missed(unit, TIMEOUT)
    }
    expect(probed.size).toBe(10)
  })

  it('is probed at once when somebody asks for it', async () => {
    const clock = new VirtualClock()
    const backoff = new Backoff(clock)
    backoff.missed('a', TIMEOUT)
    backoff.missed('a', TIMEOUT)
    backoff.probeAllSoon()
    expect(backoff.dueProbe()).toBe('a')
  })
})
