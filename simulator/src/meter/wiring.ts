import type { MeterProfile } from '@metergate/protocol'
import type { Electrical } from '../plant/electrical.js'
import type { MeterTruth } from '../plant/plant.js'
import type { MeterSpec } from '../plant/schema.js'

type Phase = 0 | 1 | 2
const PHASES = [0, 1, 2] as const
const THIRD = (2 * Math.PI) / 3

/**
 * What a wrongly wired meter measures: a transformer turned round shows its phase's power negative, two exchanged ones measure
 * each current against the other's voltage (120° off), a missing voltage measures nothing. Momentary values only:
 * energy counters go on as if the wiring were right.
 */
export function measuredBy({ wiring }: Pick<MeterSpec, 'wiring'>, truth: MeterTruth): MeterTruth {
  return wiring ? { ...truth, electrical: miswired(truth.electrical, wiring) } : truth
}

/** What there is to measure for a model: before a single-phase meter the whole load hangs on L1, so that its current fits its power. */
export function suppliedTo({ items }: MeterProfile, truth: MeterTruth): MeterTruth {
  const has = (phase: Phase): boolean => items.some(({ quantity }) => PHASE_VALUES[phase].test(quantity))
  return has(0) && !has(1) && !has(2) ? onL1(truth) : truth
}

const PHASE_VALUES = [/^(voltage|current)_l1/, /^(voltage|current)_(l1_)?l2/, /^(voltage|current)_(l2_)?l3/] as const

function onL1(truth: MeterTruth): MeterTruth {
  const { electrical: e } = truth
  const [watts, vars] = [total(e.activeW), total(e.reactiveVar)]
  const va = Math.hypot(watts, vars)
  const amperes = va / e.voltage[0]
  return {
    ...truth,
    phaseEnergyMws: [truth.energyMws, 0n, 0n],
    phaseReactiveMvars: [truth.reactiveMvars, 0n, 0n],
    electrical: {
      ...e,
      current: [amperes, 0, 0],
      neutralCurrent: amperes,
      activeW: [watts, 0, 0],
      reactiveVar: [vars, 0, 0],
      apparentVa: [va, 0, 0],
    },
  }
}

const total = ([a, b, c]: readonly [number, number, number]): number => a + b + c

function miswired(e: Electrical, wiring: NonNullable<MeterSpec['wiring']>): Electrical {
  const reversed = (phase: Phase): boolean => wiring.reversed_ct.includes(phase + 1)
  const missing = (phase: Phase): boolean => wiring.missing_voltage.includes(phase + 1)
  const source = (phase: Phase): Phase => {
    const [a, b] = wiring.swapped_ct ?? []
    if (a === undefined || b === undefined) return phase
    return phase + 1 === a ? phaseIndex(b) : phase + 1 === b ? phaseIndex(a) : phase
  }
  const phases = PHASES.map((phase) => {
    const from = source(phase)
    const voltage = missing(phase) ? 0 : e.voltage[phase]
    const current = e.current[from]
    const angle =
      Math.atan2(e.reactiveVar[from], e.activeW[from]) + (from - phase) * THIRD + (reversed(phase) ? Math.PI : 0)
    return { voltage, current, watts: voltage * current * Math.cos(angle), vars: voltage * current * Math.sin(angle) }
  })
  const pick = (of: (phase: (typeof phases)[number]) => number): [number, number, number] => {
    const [a = 0, b = 0, c = 0] = phases.map(of)
    return [a, b, c]
  }
  return {
    ...e,
    voltage: pick(({ voltage }) => voltage),
    current: pick(({ current }) => current),
    activeW: pick(({ watts }) => watts),
    reactiveVar: pick(({ vars }) => vars),
    apparentVa: pick(({ voltage, current }) => voltage * current),
  }
}

function phaseIndex(number: number): Phase {
  return number === 1 ? 0 : number === 2 ? 1 : 2
}
