import { hash32 } from '../kernel/seeded-random.js'

/** Whole watts and var of the three phases. */
export interface PhasePower {
  readonly watts: readonly [number, number, number]
  readonly vars: readonly [number, number, number]
}

/** Everything a meter can show at an instant besides its counters: SI units, unrounded. */
export interface Electrical {
  readonly voltage: readonly [number, number, number]
  readonly current: readonly [number, number, number]
  readonly neutralCurrent: number
  readonly activeW: readonly [number, number, number]
  readonly reactiveVar: readonly [number, number, number]
  readonly apparentVa: readonly [number, number, number]
  readonly frequency: number
}

type Three = readonly [number, number, number]
const three = (f: (phase: 0 | 1 | 2) => number): Three => [f(0), f(1), f(2)]

/** Phase shares of a load's power in thousandths; they add up to 1000 so that phase energies add up exactly. */
export type PhaseShares = readonly [number, number, number]

/** Slightly unbalanced, as real loads are; fixed for a load. */
export function phaseShares(seed: number, loadId: string): PhaseShares {
  const first = 326 + (hash32(seed, loadId, 'l1') % 16)
  const second = 326 + (hash32(seed, loadId, 'l2') % 16)
  return [first, second, 1000 - first - second]
}

/** A number in [-1, 1), fixed by seed, name and second. */
function wobble(seed: number, name: string, second: number): number {
  return hash32(seed, name, second) / 0x80000000 - 1
}

/** The supply: about 230 V with the tide of the day, sagging under load, and noise from second to second. */
function phaseVoltage(seed: number, phase: number, epochMs: number, watts: number): number {
  const second = Math.floor(epochMs / 1000)
  const tide = 2.5 * Math.sin((2 * Math.PI * (second % 86_400)) / 86_400)
  return 230 + tide + (phase - 1) * 0.7 - Math.min(4, watts / 15_000) + 0.6 * wobble(seed, `v${phase}`, second)
}

/** One consistent picture: P = U·I·cosφ and S² = P² + Q² hold in each phase. */
export function electricalAt(seed: number, epochMs: number, power: PhasePower): Electrical {
  const voltage = three((phase) => phaseVoltage(seed, phase, epochMs, power.watts[phase]))
  const apparentVa = three((phase) => Math.hypot(power.watts[phase], power.vars[phase]))
  const current = three((phase) => apparentVa[phase] / voltage[phase])
  return {
    voltage,
    current,
    neutralCurrent: neutralOf(current),
    activeW: power.watts,
    reactiveVar: power.vars,
    apparentVa,
    frequency: 50 + 0.03 * wobble(seed, 'f', Math.floor(epochMs / 3000)),
  }
}

/** Sum of three phasors 120° apart. */
function neutralOf([a, b, c]: Three): number {
  return Math.sqrt(Math.max(0, a * a + b * b + c * c - a * b - b * c - c * a))
}
