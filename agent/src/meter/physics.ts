import type { QuantityName } from '@metergate/protocol'

/** Values of one instant in their quantities' units; for judging only, never to be added up. */
export type Values = ReadonlyMap<QuantityName, number>

/** A law of electricity between several registers, looked at in one set of values. */
export interface LawCheck {
  readonly law: 'power_of_phases' | 'power_from_ui' | 'power_triangle' | 'line_voltage' | 'power_factor'
  /** `idle`: too little load to tell. */
  readonly outcome: 'holds' | 'broken' | 'idle'
  readonly expected: number
  readonly found: number
  /** Broken as by a current of another phase: power far below U·I, which a meter may well show. */
  readonly isCrossed?: boolean
}

/** Values of one poll are up to a second apart while a press moves, so a law holds loosely and is broken only clearly. */
const HOLDS = 0.06
const BROKEN = 0.3
/** Below this a meter's own digits are as large as the difference. */
const LEAST_W = 5

const PHASES = ['l1', 'l2', 'l3'] as const

/** Every law these values can be held against. */
export function checkLaws(values: Values): LawCheck[] {
  return [
    powerOfPhases(values),
    ...PHASES.map((phase) => powerFromUi(values, phase)),
    powerTriangle(values),
    lineVoltage(values),
    powerFactor(values),
  ].filter((check) => check !== undefined)
}

/** ΣP of the phases = P. */
function powerOfPhases(values: Values): LawCheck | undefined {
  const total = values.get('power_active_total')
  const phases = all(values, ['power_active_l1', 'power_active_l2', 'power_active_l3'])
  return total === undefined || !phases
    ? undefined
    : compare(
        'power_of_phases',
        phases.reduce((sum, each) => sum + each, 0),
        total,
        LEAST_W,
      )
}

/** P = U·I·cosφ of a phase; without a power factor P must at least stay below U·I. */
function powerFromUi(values: Values, phase: (typeof PHASES)[number]): LawCheck | undefined {
  const parts = all(values, [`voltage_${phase}_n`, `current_${phase}`, `power_active_${phase}`])
  if (!parts) return singlePhase(values, phase)
  const [u = 0, i = 0, p = 0] = parts
  const factor = values.get(`power_factor_${phase}`)
  return fromUi(u * Math.abs(i), p, factor)
}

/** A single-phase meter has only totals. */
function singlePhase(values: Values, phase: string): LawCheck | undefined {
  if (phase !== 'l1' || values.has('voltage_l2_n')) return undefined
  const parts = all(values, ['voltage_l1_n', 'current_l1', 'power_active_total'])
  if (!parts) return undefined
  const [u = 0, i = 0, p = 0] = parts
  return fromUi(u * Math.abs(i), p, values.get('power_factor_total'))
}

function fromUi(apparent: number, p: number, factor: number | undefined): LawCheck {
  const law = 'power_from_ui'
  if (factor !== undefined && Math.abs(factor) <= 1)
    return compare(law, apparent * Math.abs(factor), Math.abs(p), LEAST_W)
  if (apparent < LEAST_W && Math.abs(p) < LEAST_W) return { law, outcome: 'idle', expected: apparent, found: p }
  const share = Math.abs(p) / Math.max(apparent, 1e-9)
  // Without a power factor only the limits are known: a load of cosφ below 0.1 is no load of a plant.
  const outcome = share > 1 + BROKEN || share < 0.02 ? 'broken' : share > 0.1 && share < 1 + HOLDS ? 'holds' : 'idle'
  return { law, outcome, expected: apparent, found: p, ...(share < 0.02 ? { isCrossed: true } : {}) }
}

/** S² = P² + Q². */
function powerTriangle(values: Values): LawCheck | undefined {
  const parts = all(values, ['power_active_total', 'power_reactive_total', 'power_apparent_total'])
  if (!parts) return undefined
  const [p = 0, q = 0, s = 0] = parts
  return compare('power_triangle', Math.hypot(p, q), s, LEAST_W)
}

/** Two phasors 120° apart. */
function lineVoltage(values: Values): LawCheck | undefined {
  const parts = all(values, ['voltage_l1_n', 'voltage_l2_n', 'voltage_l1_l2'])
  if (!parts) return undefined
  const [a = 0, b = 0, ab = 0] = parts
  // Not every meter works this value out.
  if (ab === 0) return undefined
  return compare('line_voltage', Math.sqrt(a * a + b * b + a * b), ab, 20)
}

/** cosφ = P ÷ S. */
function powerFactor(values: Values): LawCheck | undefined {
  const parts = all(values, ['power_active_total', 'power_apparent_total', 'power_factor_total'])
  if (!parts) return undefined
  const [p = 0, s = 0, factor = 0] = parts
  return compare('power_factor', Math.abs(factor) * s, Math.abs(p), LEAST_W)
}

function compare(law: LawCheck['law'], expected: number, found: number, least: number): LawCheck {
  const scale = Math.max(Math.abs(expected), Math.abs(found))
  if (scale < least) return { law, outcome: 'idle', expected, found }
  const error = Math.abs(expected - found) / scale
  const outcome = error <= HOLDS ? 'holds' : error >= BROKEN ? 'broken' : 'idle'
  return { law, outcome, expected, found }
}

function all(values: Values, names: readonly QuantityName[]): number[] | undefined {
  const found = names.map((name) => values.get(name))
  return found.every((value) => value !== undefined) ? found : undefined
}

/** What a mains meter may show; `zero`: a dead phase or no load, which proves nothing. */
export function plausibility(name: QuantityName, value: number): 'good' | 'zero' | 'bad' | 'unknown' {
  if (value === 0) return 'zero'
  if (name === 'frequency') return value >= 45 && value <= 65 ? 'good' : 'bad'
  if (/^power_factor_/.test(name)) return Math.abs(value) <= 1.001 ? 'good' : 'bad'
  if (/^voltage_l[123]_n$|^voltage_ln_avg$/.test(name)) return mains(value, 1)
  if (/^voltage_/.test(name)) return mains(value, Math.sqrt(3))
  if (/^current_l[123]$/.test(name)) return Math.abs(value) <= 20_000 ? fine(value, 0.001) : 'bad'
  if (/^power_(active|reactive|apparent)_/.test(name)) return Math.abs(value) <= 1e8 ? fine(value, 0.01) : 'bad'
  return 'unknown'
}

/** 690 V between phases and a tenth more, as phase voltage. */
const MOST_LOW_VOLTAGE = 450

/**
 * What no mains meter can show, whatever hangs on it: for a judgement on the configured model, where {@link plausibility} is one piece
 * of evidence among many. So it passes a phase that is nearly gone, a 690 V network and the trickle of an idle input.
 */
export function isImpossible(name: QuantityName, value: number): boolean {
  if (plausibility(name, value) !== 'bad') return false
  if (name === 'frequency') return true
  if (/^power_factor_/.test(name)) return Math.abs(value) > 1.1
  if (/^voltage_/.test(name))
    return value < 0 || value > MOST_LOW_VOLTAGE * (/^voltage_(l[123]_n|ln_avg)$/.test(name) ? 1 : Math.sqrt(3))
  return Math.abs(value) > 1
}

/** 230 V ± 20 %, 120 V, a PT's 57.7 and 100 V, or the thousands behind a PT. */
function mains(value: number, factor: number): 'good' | 'bad' {
  const volts = value / factor
  return (volts >= 50 && volts <= 320) || (volts >= 1000 && volts <= 40_000) ? 'good' : 'bad'
}

/** Denormal floats are what integers look like when read as floats. */
const fine = (value: number, least: number): 'good' | 'bad' => (Math.abs(value) >= least / 1000 ? 'good' : 'bad')
