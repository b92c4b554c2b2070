import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { describe, expect, it } from 'vitest'
import { demoPlant } from '../plant/demo-plant.js'
import { Plant } from '../plant/plant.js'
import { measuredBy, suppliedTo } from './wiring.js'

const AT = Date.UTC(2026, 10, 23, 2, 0, 0)
const truth = new Plant(demoPlant(1, { sinceMs: AT - 86_400_000 })).truthAt('main', AT)
const right = truth.electrical
const wired = (wiring: { reversed_ct?: number[]; missing_voltage?: number[]; swapped_ct?: [number, number] }) =>
  measuredBy({ wiring: { reversed_ct: [], missing_voltage: [], ...wiring } }, truth).electrical

describe('wrong wiring', () => {
  it('changes nothing where there is none', () => {
    expect(measuredBy({ wiring: undefined }, truth)).toBe(truth)
    expect(wired({}).activeW[0]).toBeCloseTo(right.activeW[0], 6)
  })

  it('shows a turned transformer as negative power with its current unchanged', () => {
    const e = wired({ reversed_ct: [2] })
    expect(e.activeW[1]).toBeCloseTo(-right.activeW[1], 6)
    expect(e.current).toEqual(right.current)
    expect(e.activeW[0]).toBeCloseTo(right.activeW[0], 6)
  })

  it('shows exchanged transformers as power far below U·I·cosφ', () => {
    const e = wired({ swapped_ct: [1, 2] })
    const sum = (powers: readonly number[]): number => powers.reduce((total, watts) => total + watts, 0)
    expect(Math.abs(sum(e.activeW))).toBeLessThan(0.5 * sum(right.activeW))
    expect(e.current[0]).toBe(right.current[1])
  })

  it('shows a missing voltage as zero volts and watts', () => {
    const e = wired({ missing_voltage: [3] })
    expect([e.voltage[2], Math.abs(e.activeW[2]), e.apparentVa[2]]).toEqual([0, 0, 0])
  })
})

describe('a single-phase meter', () => {
  const profiles = loadBuiltinProfiles()
  const supplied = (id: string) => {
    const profile = profiles.find((each) => each.id === id)
    if (!profile) throw new Error(`no profile ${id}`)
    return suppliedTo(profile, truth)
  }

  it.each(['chint-ddsu666', 'eastron-sdm120', 'dlt645-2007-1p'])('has the whole load on its one phase: %s', (id) => {
    const { electrical: e, energyMws, phaseEnergyMws } = supplied(id)
    const watts = right.activeW.reduce((sum, each) => sum + each, 0)
    expect(e.activeW).toEqual([watts, 0, 0])
    expect(e.voltage[0] * e.current[0]).toBeCloseTo(Math.hypot(e.activeW[0], e.reactiveVar[0]), 6)
    expect(phaseEnergyMws).toEqual([energyMws, 0n, 0n])
  })

  it.each(['chint-dtsu666', 'eastron-sdm72d', 'dlt645-2007-3p'])('is none: %s', (id) => {
    expect(supplied(id)).toBe(truth)
  })
})
