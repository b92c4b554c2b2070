import { amount } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { implausibility } from './plausibility.js'

describe('plausibility of a single value', () => {
  it('believes what lies in the physical range, ends included', () => {
    expect(implausibility('voltage_l1_n', amount(2305, -1))).toBeUndefined()
    expect(implausibility('power_factor_total', amount(1000, -3))).toBeUndefined()
  })

  it('flags values outside it', () => {
    expect(implausibility('frequency', amount(6553, -1))).toBe('range')
    expect(implausibility('power_factor_total', amount(1001, -3))).toBe('power_factor')
    expect(implausibility('energy_active_import_total', amount(-1, -2))).toBe('range')
  })

  it('flags a power the supply cannot carry, in either direction', () => {
    const limits = { maxPowerW: 100_000 }
    expect(implausibility('power_active_total', amount(1200, 2), limits)).toBeUndefined()
    expect(implausibility('power_active_total', amount(1201, 2), limits)).toBe('demand_limit')
    expect(implausibility('power_active_total', amount(-1201, 2), limits)).toBe('demand_limit')
  })
})
