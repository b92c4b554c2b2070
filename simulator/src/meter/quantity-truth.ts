import type { QuantityName } from '@metergate/protocol'
import { type MeterTruth, MWS_PER_KWH } from '../plant/plant.js'

/** A value in its quantity's unit: exact as a fraction for counters, a float for gauges. */
export type TrueValue =
  | { readonly kind: 'counter'; readonly numerator: bigint; readonly denominator: bigint }
  | { readonly kind: 'gauge'; readonly value: number }

const energy = (mws: bigint): TrueValue => ({ kind: 'counter', numerator: mws, denominator: MWS_PER_KWH })
const count = (n: number): TrueValue => ({ kind: 'counter', numerator: BigInt(n), denominator: 1n })
const gauge = (value: number): TrueValue => ({ kind: 'gauge', value })

/** Asks the plant for this meter's truth at another instant: for demands, which look back. */
export type TruthOf = (epochMs: number) => MeterTruth

const DEMAND_MS = 15 * 60_000
const total = ([a, b, c]: readonly [number, number, number]): number => a + b + c

/**
 * What a meter behind `truth` would show for a quantity, or undefined when it knows nothing of it.
 * The plant only imports, so export counters stand at zero; it has one tariff, which meters book as flat (t3).
 */
export function trueValue(name: QuantityName, truth: MeterTruth, truthOf: TruthOf): TrueValue | undefined {
  return gaugeValue(name, truth) ?? counterValue(name, truth) ?? demandValue(name, truth, truthOf)
}

function phaseOf(name: string): 0 | 1 | 2 | undefined {
  // Not between two phases: `voltage_l1_l2` belongs to neither.
  const digit = /(?<!_l[123])_l([123])(_n)?$/.exec(name)?.[1]
  return digit === '1' ? 0 : digit === '2' ? 1 : digit === '3' ? 2 : undefined
}

function gaugeValue(name: QuantityName, { electrical: e }: MeterTruth): TrueValue | undefined {
  const phase = phaseOf(name)
  if (phase !== undefined) return phaseGauge(name, e, phase)
  if (/^di_state_[2-8]$/.test(name)) return gauge(0)
  const p = total(e.activeW)
  const q = total(e.reactiveVar)
  switch (name) {
    case 'voltage_l1_l2':
      return gauge(lineVoltage(e.voltage[0], e.voltage[1]))
    case 'voltage_l2_l3':
      return gauge(lineVoltage(e.voltage[1], e.voltage[2]))
    case 'voltage_l3_l1':
      return gauge(lineVoltage(e.voltage[2], e.voltage[0]))
    case 'voltage_ln_avg':
      return gauge(total(e.voltage) / 3)
    case 'voltage_ll_avg':
      return gauge((total(e.voltage) / 3) * Math.sqrt(3))
    case 'current_neutral':
      return gauge(e.neutralCurrent)
    case 'current_avg':
      return gauge(total(e.current) / 3)
    case 'current_sum':
      return gauge(total(e.current))
    case 'power_active_total':
      return gauge(p)
    case 'power_active_import':
      return gauge(Math.max(0, p))
    case 'power_active_export':
      return gauge(Math.max(0, -p))
    case 'power_reactive_total':
      return gauge(q)
    case 'power_apparent_total':
      return gauge(Math.hypot(p, q))
    case 'power_factor_total':
      return gauge(powerFactor(p, q))
    case 'phase_angle_total':
      return gauge((Math.atan2(q, p) * 180) / Math.PI)
    case 'frequency':
      return gauge(e.frequency)
    // An input wired to the machines' running contact.
    case 'di_state_1':
      return gauge(p >= 1000 ? 1 : 0)
    default:
      return undefined
  }
}

/** Two phasors 120° apart: |a - b|. */
const lineVoltage = (a: number, b: number): number => Math.sqrt(a * a + b * b + a * b)
/** Without load a meter shows 1. */
const powerFactor = (p: number, q: number): number => (p === 0 && q === 0 ? 1 : p / Math.hypot(p, q))

function phaseGauge(name: string, e: MeterTruth['electrical'], phase: 0 | 1 | 2): TrueValue | undefined {
  switch (name.replace(/_l[123](_n)?$/, '')) {
    case 'voltage':
      return gauge(e.voltage[phase])
    case 'current':
      return gauge(e.current[phase])
    case 'power_active':
      return gauge(e.activeW[phase])
    case 'power_reactive':
      return gauge(e.reactiveVar[phase])
    case 'power_apparent':
      return gauge(e.apparentVa[phase])
    case 'power_factor':
      return gauge(powerFactor(e.activeW[phase], e.reactiveVar[phase]))
    case 'thd_voltage':
      return gauge(2.1 + 0.2 * phase)
    case 'thd_current':
      return gauge(11.5 + 0.7 * phase)
    default:
      return undefined
  }
}

function counterValue(name: QuantityName, truth: MeterTruth): TrueValue | undefined {
  const phase = phaseOf(name)
  if (/^energy_(active|reactive)_export_/.test(name)) return energy(0n)
  if (/^energy_active_(import_)?l[123]$/.test(name))
    return energy(phase === undefined ? 0n : truth.phaseEnergyMws[phase])
  if (/^energy_reactive_(import_)?l[123]$/.test(name))
    return energy(phase === undefined ? 0n : truth.phaseReactiveMvars[phase])
  if (/^energy_active_(import_)?t[1245]$/.test(name)) return energy(0n)
  if (/^pulse_count_\d+$/.test(name)) return count(name === 'pulse_count_1' ? truth.pulses : 0)
  switch (name) {
    case 'energy_active_import_total':
    case 'energy_active_total':
    case 'energy_active_import_t3':
    case 'energy_active_t3':
    case 'energy_active_net_total':
      return energy(truth.energyMws)
    case 'energy_reactive_import_total':
    case 'energy_reactive_total':
    case 'energy_reactive_q1':
      return energy(truth.reactiveMvars)
    case 'energy_reactive_q2':
    case 'energy_reactive_q3':
    case 'energy_reactive_q4':
      return energy(0n)
    case 'energy_apparent_total':
      return energy(squareRoot(truth.energyMws ** 2n + truth.reactiveMvars ** 2n))
    default:
      return undefined
  }
}

/** Newton's integer square root. */
function squareRoot(square: bigint): bigint {
  if (square < 2n) return square
  let root = 1n << BigInt(Math.ceil(square.toString(2).length / 2))
  for (;;) {
    const next = (root + square / root) >> 1n
    if (next >= root) return root
    root = next
  }
}

/** Demands: means of the last whole quarter of an hour; the maxima are those of the block now shown. */
function demandValue(name: QuantityName, truth: MeterTruth, truthOf: TruthOf): TrueValue | undefined {
  if (!name.startsWith('demand_')) return undefined
  if (name.includes('export')) return gauge(0)
  const end = Math.floor(truth.epochMs / DEMAND_MS) * DEMAND_MS
  const [before, after] = [truthOf(end - DEMAND_MS), truthOf(end)]
  const p = Number(after.energyMws - before.energyMws) / DEMAND_MS
  const q = Number(after.reactiveMvars - before.reactiveMvars) / DEMAND_MS
  if (name.startsWith('demand_active')) return gauge(p)
  if (name.startsWith('demand_apparent')) return gauge(Math.hypot(p, q))
  if (name.includes('neutral')) return gauge(0)
  return gauge(Math.hypot(p, q) / 3 / 230)
}
