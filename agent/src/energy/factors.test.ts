import { amount, toNumber } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { convertEnergy, ENERGY_FACTORS, energyFactor } from './factors.js'
import { workedCase } from './fixtures/worked-case.js'
import type { Span } from './spans.js'
import { unitEnergy } from './unit-energy.js'

const { input, expected } = workedCase(
  'C7_cloud_indicators',
  z.object({
    plants: z.array(z.object({ id: z.string(), kwh: z.number(), pairs: z.number(), completeness: z.number() })),
    kgce_per_kwh: z.string(),
    kgco2_per_kwh: z.string(),
  }),
  z.object({
    plants: z.array(
      z.object({
        id: z.string(),
        unit_energy_kwh_per_pair: z.number().nullable(),
        unit_energy_reason: z.string().nullable(),
        comprehensive_energy_kgce: z.number().nullable(),
        co2_kg: z.number().nullable(),
      }),
    ),
  }),
)

/** A month of 100 spans, of which the complete ones are known; the figures lie in the first. */
function month(kwh: number, pairs: number, completeness: number): Span[] {
  return Array.from({ length: 100 }, (_, index) => {
    const known = index < Math.round(completeness * 100)
    const share = (whole: number) => (known ? amount(index === 0 ? whole : 0, 0) : null)
    return { start: index, end: index + 1, energy: share(kwh), output: share(pairs), estimated: amount(0, 0) }
  })
}

describe('worked case C7, as far as the gateway computes it', () => {
  const rows = input.plants.map((plant, index) => ({ ...plant, wanted: expected.plants[index] }))

  it.each(rows)('plant $id: unit energy or its reason', ({ kwh, pairs, completeness, wanted }) => {
    const seen = unitEnergy(month(kwh, pairs, completeness))
    expect(seen.reason).toBe(wanted?.unit_energy_reason)
    if (wanted?.unit_energy_kwh_per_pair === null) expect(seen.value).toBeNull()
    else expect(seen.value && toNumber(seen.value)).toBeCloseTo(wanted?.unit_energy_kwh_per_pair ?? Number.NaN, 6)
  })

  it.each(rows.filter(({ wanted }) => wanted?.co2_kg !== null))(
    'plant $id: coal equivalent and CO2',
    ({ kwh, wanted }) => {
      const coal = convertEnergy(amount(kwh, 0), energyFactor('kgce-gbt2589-2020'))
      const co2 = convertEnergy(amount(kwh, 0), energyFactor('co2-national-2023'))
      expect([toNumber(coal.value), coal.factor]).toEqual([wanted?.comprehensive_energy_kgce, 'kgce-gbt2589-2020'])
      expect(toNumber(co2.value)).toBe(wanted?.co2_kg)
    },
  )
})

describe('factors', () => {
  it('are named once each and say where they come from', () => {
    expect(new Set(ENERGY_FACTORS.map(({ id }) => id)).size).toBe(ENERGY_FACTORS.length)
    expect(ENERGY_FACTORS.every(({ source }) => source.length > 5)).toBe(true)
  })
})
