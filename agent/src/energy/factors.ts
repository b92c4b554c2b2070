import { type Amount, multiply } from '@metergate/protocol'

/** A conversion factor as dated, sourced data; results carry its id. */
export interface EnergyFactor {
  readonly id: string
  readonly kind: 'coal_equivalent' | 'co2'
  /** kgce or kgCO2 per kWh. */
  readonly perKwh: Amount
  readonly year?: number
  /** `equivalent` 当量值, `average` the plain grid average. */
  readonly basis: 'equivalent' | 'average'
  readonly scope: 'national' | 'east_china' | 'zhejiang'
  readonly source: string
}

/**
 * The printed constant 0.1229, not 3600 ÷ 29307.6. CO2 factors are the averages of the yearly notices of the
 * ministry of ecology and the statistics bureau, as found in secondary copies; check before reporting.
 */
export const ENERGY_FACTORS = [
  {
    id: 'kgce-gbt2589-2020',
    kind: 'coal_equivalent',
    perKwh: { n: 1229, exp: -4 },
    basis: 'equivalent',
    scope: 'national',
    source: 'GB/T 2589-2020, annex: electricity, equivalent value',
  },
  co2('co2-national-2021', 5568, 2021, 'national', '公告 2024年第12号'),
  co2('co2-national-2022', 5366, 2022, 'national', 'notice of 2024-12-20'),
  co2('co2-national-2023', 5306, 2023, 'national', 'notice of January 2026'),
  co2('co2-east-china-2023', 5500, 2023, 'east_china', 'notice of January 2026'),
  co2('co2-zhejiang-2021', 5422, 2021, 'zhejiang', '公告 2024年第12号'),
  co2('co2-zhejiang-2022', 5153, 2022, 'zhejiang', 'notice of 2024-12-20'),
  co2('co2-zhejiang-2023', 4974, 2023, 'zhejiang', 'notice of January 2026'),
] as const satisfies readonly EnergyFactor[]

function co2<const I extends string>(
  id: I,
  tenThousandths: number,
  year: number,
  scope: EnergyFactor['scope'],
  source: string,
) {
  return { id, kind: 'co2', perKwh: { n: tenThousandths, exp: -4 }, year, basis: 'average', scope, source } as const
}

export type FactorId = (typeof ENERGY_FACTORS)[number]['id']

/** Energy (kWh) as kgce or kgCO2, with the factor it was made with. */
export function convertEnergy(
  energy: Amount,
  factor: EnergyFactor,
): { readonly value: Amount; readonly factor: string } {
  return { value: multiply(energy, factor.perKwh), factor: factor.id }
}

/** The factor of that id. */
export function energyFactor(id: FactorId): EnergyFactor {
  return ENERGY_FACTORS.find((factor) => factor.id === id) ?? ENERGY_FACTORS[0]
}
