import { DEFAULT_BACKOFF } from '@metergate/agent'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { busControls } from './bus-controls.js'
import { busFaults, busLate } from './bus-faults.js'
import { busFuzz } from './bus-fuzz.js'
import { INTACT, MUTATIONS, RIGHT_CHECK } from './bus-mutations.js'
import { busNoise } from './bus-noise.js'
import { anyTransaction, careless, lacking, sulking, unguarded } from './bus-planted.js'
import { KINDS } from './bus-provocation.js'
import { busSlaves } from './bus-slaves.js'

const fates = z.record(z.string(), z.object({ sent: z.number(), true: z.number(), undetectable: z.number() }))

/** The rigs' short forms, all in virtual time; the long ones run by `node scripts/dist/rigs/main.js bus-modbus … --long`. */
describe.each(['modbus', 'dlt645'] as const)('a line of %s', (protocol) => {
  it('gives no wrong value whatever is done to it, and is well again within a second', {
    timeout: 60_000,
  }, async () => {
    const result = await busFaults(protocol, 150)
    expect(result.notes).toMatchObject({ wrong: 0 })
    expect(result).toMatchObject({ violations: 0 })
    expect(result.runs).toBeGreaterThan(KINDS.length * 150)
  })

  it('brings each planted mistake to light by the fault that provokes it', { timeout: 60_000 }, async () => {
    const { notes, violations } = await busControls(protocol, 60)
    expect(Object.keys(notes.table ?? {})).toEqual(KINDS)
    expect(violations, JSON.stringify(notes.table)).toBe(0)
  })
})

describe.each(['modbus', 'dlt645', 'modbus_tcp'] as const)('mutated frames of %s', (protocol) => {
  it('throw nothing, hang nothing, cost no memory, and become no value but what stands in a right frame', {
    timeout: 60_000,
  }, async () => {
    const { notes, violations } = await busFuzz(protocol, 3_000)
    expect(notes).toMatchObject({ throws: [], hangs: 0, unproven: 0 })
    expect(violations).toBe(0)
    const kinds = fates.parse(notes.kinds)
    expect(Object.keys(kinds).sort()).toEqual(MUTATIONS[protocol].map(({ name }) => name).sort())
    if (protocol === 'modbus_tcp') {
      // Modbus TCP has no check of its own, so changed data in a whole frame can't be told; the kinds that leave it whole are read.
      for (const name of INTACT) expect(kinds[name]?.true).toBeGreaterThan(0.9 * (kinds[name]?.sent ?? Number.NaN))
      return
    }
    const detectable = Object.entries(kinds).filter(([name]) => name !== RIGHT_CHECK)
    for (const [name, { undetectable }] of detectable) expect(undetectable, name).toBe(0)
  })
})

describe('a line of noise', () => {
  it.each(['modbus', 'dlt645'] as const)('gives no wrong value of %s', { timeout: 60_000 }, async (protocol) => {
    const { notes, violations } = await busNoise(protocol, 5_000)
    expect(violations, JSON.stringify(notes)).toBe(0)
  })

  it('stops a master that sulks for long, and the rig finds it out', { timeout: 60_000 }, async () => {
    expect((await busNoise('modbus', 5_000, sulking('modbus'))).violations).toBeGreaterThan(0)
  })
})

describe('late answers of the same unit, function and length', () => {
  it('are never taken', { timeout: 60_000 }, async () => {
    expect(await busLate(300)).toMatchObject({ violations: 0 })
  })

  it('are taken by a master of the common kind, and the rig finds it out', async () => {
    expect((await busLate(300, unguarded)).violations).toBeGreaterThan(100)
  })
})

describe('one dead unit of eight and one that takes three seconds', () => {
  it('leave the others their cadence, and an adapter that comes back is used at once', async () => {
    const { notes, violations } = await busSlaves(2)
    expect(violations, JSON.stringify(notes)).toBe(0)
  })

  it('cost the others theirs without back-off, and the rig finds it out', async () => {
    const { violations } = await busSlaves(2, { ...DEFAULT_BACKOFF, deadAfter: Number.POSITIVE_INFINITY })
    expect(violations).toBeGreaterThan(0)
  })
})

describe('the fuzz finds out', () => {
  it('a parser that trusts its input', async () => {
    expect((await busFuzz('modbus', 100, careless)).violations).toBeGreaterThan(0)
  })

  it.each([
    ['modbus', lacking('modbus', 'check')],
    ['dlt645', lacking('dlt645', 'check')],
    ['modbus_tcp', anyTransaction],
  ] as const)('a master of %s that takes what no right frame says', async (protocol, master) => {
    const { notes } = await busFuzz(protocol, 300, master)
    expect(notes.unproven).toBeGreaterThan(10)
  })
})
