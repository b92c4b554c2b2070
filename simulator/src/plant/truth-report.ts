import { type Amount, formatAmount, multiply, type QuantityName } from '@metergate/protocol'
import type { SimulatedMeter } from '../meter/simulated-meter.js'
import { MWS_PER_KWH, type Plant } from './plant.js'

/** The truth about one meter as plain JSON, to check everything downstream against. */
export interface TruthReport {
  readonly meter: string
  readonly unit: string
  readonly profile: string
  /** The instant of the register image: `asked_at` less the meter's own refresh interval. */
  readonly asked_at: number
  readonly epoch_ms: number
  /**
   * Energy on the primary side, exact, in milliwatt-seconds (1 kWh = 3 600 000 000), and in kWh cut off at 6 decimals;
   * null for a pulse counter.
   */
  readonly energy_mws: string | null
  readonly energy_kwh: string | null
  readonly power_w: number
  readonly pieces: number
  /** CT × PT: what a reader multiplies items of a secondary-side profile with. */
  readonly multiplier: number
  /** What a faultless reader gets from each register, with its digits, before any ratio. */
  readonly registers: Readonly<Record<string, string>>
  /** Energy register × ratio, kWh: what device and cloud must show to the last digit. */
  readonly energy_register_kwh: string | null
}

const ENERGY: readonly QuantityName[] = ['energy_active_import_total', 'energy_active_total']

/** Everything true of a meter at `epochMs`. */
export function truthReport(plant: Plant, meter: SimulatedMeter, epochMs: number): TruthReport {
  const { spec } = meter
  const at = plant.registerInstant(spec, epochMs)
  const truth = plant.truthAt(spec.id, at)
  const counts = meter.profile.category === 'counter'
  const registers = meter.profile.items.flatMap(({ quantity }) => {
    const shown = meter.registerAmount(quantity, at)
    return shown ? [[quantity, formatAmount(shown)] as const] : []
  })
  return {
    meter: spec.id,
    unit: String(spec.unit ?? spec.address),
    profile: spec.profile,
    asked_at: epochMs,
    epoch_ms: at,
    energy_mws: counts ? null : truth.energyMws.toString(),
    energy_kwh: counts ? null : kwhText(truth.energyMws),
    power_w: truth.electrical.activeW.reduce((sum, watts) => sum + watts, 0),
    pieces: truth.pieces,
    multiplier: spec.ct * spec.pt,
    registers: Object.fromEntries(registers),
    energy_register_kwh: energyRegister(meter, at),
  }
}

function energyRegister(meter: SimulatedMeter, at: number): string | null {
  for (const name of ENERGY) {
    const item = meter.profile.items.find((candidate) => candidate.quantity === name)
    const shown = item && meter.registerAmount(name, at)
    if (item && shown) return formatAmount(multiply(shown, factor(meter, item.ratio)))
  }
  return null
}

function factor({ spec }: SimulatedMeter, ratio: 'none' | 'ct' | 'pt' | 'ct_pt'): Amount {
  const ct = ratio === 'ct' || ratio === 'ct_pt' ? spec.ct : 1
  const pt = ratio === 'pt' || ratio === 'ct_pt' ? spec.pt : 1
  return { n: ct * pt, exp: 0 }
}

function kwhText(mws: bigint): string {
  const millionths = (mws * 1_000_000n) / MWS_PER_KWH
  return `${millionths / 1_000_000n}.${(millionths % 1_000_000n).toString().padStart(6, '0')}`
}
