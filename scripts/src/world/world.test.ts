import { describe, expect, it } from 'vitest'
import { PLANTED_BUGS, TRAPS } from './bugs.js'
import { noFaults } from './faults.js'
import { FAULT_KINDS, sumOf } from './provoked.js'
import { RECORDED } from './recorded.js'
import { knownSeeds } from './seeds.js'
import { runWorld } from './world.js'

/** Together these worlds meet every kind of fault. */
const SHOWS_EVERY_KIND = [6, 24, 48, 54]

describe('a world of faults', () => {
  it.each([...new Set([...knownSeeds().slice(-2), 2])])('breaks no promise (seed %i)', async (seed) => {
    const { violations, told, polls } = await runWorld({ seed })
    expect(violations).toEqual([])
    expect(told).toBeGreaterThan(20)
    expect(polls).toBeGreaterThan(20)
  })

  it.each(Object.entries(RECORDED))('breaks no promise any more: %s', async (_what, world) => {
    expect((await runWorld(world)).violations).toEqual([])
  })

  it('goes the same way for the same seed', async () => {
    const [once, again, other] = [await runWorld({ seed: 3 }), await runWorld({ seed: 3 }), await runWorld({ seed: 4 })]
    expect(again.trace).toBe(once.trace)
    expect(other.trace).not.toBe(once.trace)
  })

  it('waits for the cloud where it compares what it holds with what comes', async () => {
    const traces = new Set<string>()
    for (let run = 0; run < 3; run += 1) traces.add((await runWorld({ seed: 816 })).trace)
    expect(traces.size).toBe(1)
  })
})

describe('a few worlds', () => {
  it('provoke every kind of fault there is, so that none passes because it never struck', async () => {
    const counts = []
    for (const seed of SHOWS_EVERY_KIND) counts.push((await runWorld({ seed })).provoked)
    const sum = sumOf(counts)
    expect(FAULT_KINDS.filter((kind) => sum[kind] === 0)).toEqual([])
  })

  it('and where none was ordered, none is counted', async () => {
    const { provoked } = await runWorld({ seed: 1, faults: noFaults(300_000) })
    expect(provoked).toEqual({})
  })
})

describe('the oracle sees a planted mistake', () => {
  it.each(PLANTED_BUGS)('%s', async (bug) => {
    const { faults, breaks } = TRAPS[bug]
    const { violations } = await runWorld({ seed: 1, bug, faults })
    expect(violations.map(({ invariantName }) => invariantName)).toEqual(expect.arrayContaining([...breaks]))
  })

  it('and nothing where the mistake is not planted', async () => {
    const { reuses_numbers, gives_up, forgets_cap } = TRAPS
    const { endings } = reuses_numbers.faults
    const faults = { ...gives_up.faults, endings, disk: forgets_cap.faults.disk }
    expect((await runWorld({ seed: 1, faults })).violations).toEqual([])
  })
})
