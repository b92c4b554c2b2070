import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { districtIndicators } from './energy-indicators.js'

/** The worked cases that the gateway is held to as well. */
const FILE = new URL('../../../agent/src/energy/fixtures/kpi-examples.json', import.meta.url)
const number = z.number().nullable().optional()
const caseSchema = z.object({
  input: z.object({
    plants: z.array(
      z.object({
        id: z.string(),
        kwh: z.number(),
        pairs: z.number(),
        sales_10k_cny: z.coerce.number(),
        tax_10k_cny: z.coerce.number(),
        land_mu: z.coerce.number(),
        completeness: z.number(),
        prev_kwh: z.number(),
        prev_sales_10k_cny: z.coerce.number(),
      }),
    ),
    min_completeness: z.number(),
    kgce_per_kwh: z.coerce.number(),
    kgco2_per_kwh: z.coerce.number(),
  }),
  expected: z.object({
    es_ref: z.number(),
    sec_ref: z.number(),
    es_mad: z.number(),
    plants: z.array(
      z.object({
        id: z.string(),
        electricity_per_sales_kwh_per_10k_cny: number,
        electricity_per_sales_reason: z.string().nullable(),
        sales_per_kwh_cny: number,
        unit_energy_kwh_per_pair: number,
        unit_energy_reason: z.string().nullable(),
        bmi: number,
        bmi_reason: z.string().nullable(),
        bmi_es: number,
        bmi_sec: number,
        band: z.string().nullable(),
        robust_z_es: number,
        tax_per_mu_10k_cny: number,
        kwh_per_mu: number,
        comprehensive_energy_kgce: number,
        co2_kg: number,
        kwh_change: number,
        sales_change: number,
        warnings: z.array(z.string()),
      }),
    ),
  }),
})
const file = z
  .object({ cases: z.array(z.object({ id: z.string() }).loose()) })
  .parse(JSON.parse(readFileSync(FILE, 'utf8')))
const { input, expected } = caseSchema.parse(file.cases.find(({ id }) => id === 'C7_cloud_indicators'))

const found = districtIndicators(
  input.plants.map((plant) => ({
    id: plant.id,
    kwh: plant.kwh,
    pairs: plant.pairs,
    sales: plant.sales_10k_cny,
    tax: plant.tax_10k_cny,
    land: plant.land_mu,
    completeness: plant.completeness,
    kwhBefore: plant.prev_kwh,
    salesBefore: plant.prev_sales_10k_cny,
  })),
  { minCompleteness: input.min_completeness, kgcePerKwh: input.kgce_per_kwh, co2PerKwh: input.kgco2_per_kwh },
)

/** Absolute 1e-6 or relative 1e-9, as the cases ask. */
function same(seen: number | null, wanted: number | null | undefined): boolean {
  if (seen === null || wanted === null || wanted === undefined) return seen === (wanted ?? null)
  return Math.abs(seen - wanted) <= Math.max(1e-6, 1e-9 * Math.abs(wanted))
}

describe('worked case C7: a month of eight plants', () => {
  it('has the references of the district', () => {
    expect(same(found.electricityPerSalesReference, expected.es_ref)).toBe(true)
    expect(same(found.unitEnergyReference, expected.sec_ref)).toBe(true)
    expect(same(found.electricityPerSalesMad, expected.es_mad)).toBe(true)
  })

  it.each(expected.plants.map((wanted, index) => ({ wanted, seen: found.plants[index] })))(
    'plant $wanted.id',
    ({ wanted, seen }) => {
      if (!seen) throw new Error('no such plant')
      const pairs = [
        [seen.electricityPerSales, wanted.electricity_per_sales_kwh_per_10k_cny],
        [seen.salesPerKwh, wanted.sales_per_kwh_cny],
        [seen.unitEnergy, wanted.unit_energy_kwh_per_pair],
        [seen.bmi, wanted.bmi],
        [seen.bmiEs, wanted.bmi_es],
        [seen.bmiSec, wanted.bmi_sec],
        [seen.robustZ, wanted.robust_z_es],
        [seen.taxPerMu, wanted.tax_per_mu_10k_cny],
        [seen.kwhPerMu, wanted.kwh_per_mu],
        [seen.kgce, wanted.comprehensive_energy_kgce],
        [seen.co2Kg, wanted.co2_kg],
        [seen.kwhChange, wanted.kwh_change],
        [seen.salesChange, wanted.sales_change],
      ] as const
      expect(pairs.filter(([is, should]) => !same(is, should))).toEqual([])
      expect([seen.electricityPerSalesReason, seen.unitEnergyReason, seen.bmiReason]).toEqual([
        wanted.electricity_per_sales_reason,
        wanted.unit_energy_reason,
        wanted.bmi_reason,
      ])
      expect([seen.band, seen.warnings]).toEqual([wanted.band, wanted.warnings])
    },
  )
})
