import { describe, expect, it } from 'vitest'
import { busControls } from './bus-controls.js'
import { busFaults, busLate } from './bus-faults.js'
import { busFuzz } from './bus-fuzz.js'
import { careless, unguarded } from './bus-planted.js'
import { KINDS } from './bus-provocation.js'

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

  it('throws nothing, hangs never and grows not on mutated frames', { timeout: 60_000 }, async () => {
    const result = await busFuzz(protocol, 3_000)
    expect(result.notes).toMatchObject({ throws: [], hangs: 0 })
    expect(result.violations).toBe(0)
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

it('a parser that trusts its input is found out', async () => {
  expect((await busFuzz('modbus', 100, careless)).violations).toBeGreaterThan(0)
})
