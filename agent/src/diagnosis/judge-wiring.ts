import { quantity } from '@metergate/protocol'
import { DOCTOR } from '../i18n/doctor-texts.js'
import { checkLaws, isImpossible, type Values } from '../meter/physics.js'
import { shortNumber } from '../meter/profile-score.js'
import { ratioDiffers } from '../meter/set-ratio.js'
import type { Finding } from './finding.js'

/** What a meter shows and how it is configured; values before any ratio. */
export interface WiringObservation {
  readonly name: string
  readonly values: Values
  /** Ratios of the configuration, and the CT ratio set in the meter where it has a register for it. */
  readonly configuredCt?: number
  readonly configuredPt?: number
  readonly metersCt?: number
  /** Whether the profile's values leave the ratio out: only then the configuration's counts. */
  readonly isSecondary: boolean
  /** The most this feed can carry, in watts on the primary side. */
  readonly mostW?: number
}

interface Phase {
  readonly index: 0 | 1 | 2
  readonly volts: number
  readonly va: number
  /** Angle from voltage to current in degrees, lagging positive. */
  readonly angle: number
  /** Without a reactive power the angle may be on either side. */
  readonly isEitherSide: boolean
}

const NAMES = ['L1', 'L2', 'L3'] as const
const INDICES = [0, 1, 2] as const
/** Directions of the voltages in degrees, in the usual sequence. */
const DIRECTION = [0, -120, 120] as const
/** Loads of a plant lag: motors down to cosφ 0.35; compensated ones lead a little. */
const LEADING = -35
const LAGGING = 72
/** More lead than this is rare, so of two explanations that differ by little the other one is taken. */
const USUALLY_LEADING = -15
const LEAD_COST = 0.2
/** The phases of one feed behave alike. */
const SPREAD = 45
const MOST_NAMED = 3
/** Less than this says nothing about direction. */
const LEAST_VA = 20

/** Names what is wrong in the wiring of one meter from what it shows. Pure. */
export function judgeWiring(meter: WiringObservation): Finding[] {
  const about = (cause: Finding['cause'], text: Pick<Finding, 'what' | 'remedy'>): Finding => ({
    cause,
    severity: 'problem',
    unit: meter.name,
    ...text,
  })
  const impossible = impossibleValues(meter.values)
  if (impossible.length > 0) return [about('implausible', DOCTOR.impossible(meter.name, impossible))]
  const missing = missingPhases(meter.values)
  if (missing.length > 0)
    return [about('phase_missing', DOCTOR.phaseMissing(meter.name, missing)), ...ratio(meter, about)]
  const canCross = phasesOf(meter.values).length === 3
  const broken = checkLaws(meter.values).filter(
    ({ outcome, law, isCrossed }) => outcome === 'broken' && law !== 'line_voltage' && !(canCross && isCrossed),
  )
  if (broken.length > 0) return [about('implausible', DOCTOR.implausible(meter.name)), ...ratio(meter, about)]
  return [...transformers(meter, about), ...ratio(meter, about)]
}

type About = (cause: Finding['cause'], text: Pick<Finding, 'what' | 'remedy'>) => Finding

/** The few that say it most clearly: a frequency and a power factor leave no doubt, however large a network is. */
function impossibleValues(values: Values) {
  const found = [...values].filter(([name, value]) => isImpossible(name, value))
  const rank = (name: string): number => (name === 'frequency' ? 0 : name.startsWith('power_factor') ? 1 : 2)
  return found
    .sort(([a], [b]) => rank(a) - rank(b))
    .slice(0, MOST_NAMED)
    .map(([name, value]) => {
      const { label, unit } = quantity(name)
      return { label, value: unit === '1' ? shortNumber(value) : `${shortNumber(value)} ${unit}` }
    })
}

/** A voltage that is gone while another is there. */
function missingPhases(values: Values): string[] {
  const volts = INDICES.map((index) => values.get(`voltage_l${phaseNumber(index)}_n`))
  const known = volts.filter((value) => value !== undefined)
  const most = Math.max(...known, 0)
  if (known.length < 2 || most < 40) return []
  return INDICES.filter((index) => (volts[index] ?? most) < 0.4 * most).map((index) => NAMES[index])
}

function transformers({ name, values }: WiringObservation, about: About): Finding[] {
  const phases = phasesOf(values)
  const [only] = phases
  if (phases.length === 1 && only)
    return Math.abs(only.angle) > 110 ? [about('ct_reversed', DOCTOR.ctReversed(name, [NAMES[only.index]]))] : []
  if (phases.length !== 3) return []
  const found = explain(anglesOf(phases))
  if (!found) return [about('ct_swapped', DOCTOR.ctConfused(name))]
  const { order, reversed } = found
  const moved = INDICES.filter((index) => order[index] !== index).map((index) => NAMES[index])
  const turned = reversed.map((index) => NAMES[index])
  return [
    ...(moved.length > 0 ? [about('ct_swapped', DOCTOR.ctSwapped(name, moved))] : []),
    ...(turned.length > 0
      ? [about('ct_reversed', turned.length === 3 ? DOCTOR.allReversed(name) : DOCTOR.ctReversed(name, turned))]
      : []),
  ]
}

/** Phases with enough load to have a direction. */
function phasesOf(values: Values): Phase[] {
  return INDICES.flatMap((index): Phase[] => {
    const n = phaseNumber(index)
    const [u, i, p] = [values.get(`voltage_l${n}_n`), values.get(`current_l${n}`), values.get(`power_active_l${n}`)]
    const q = values.get(`power_reactive_l${n}`)
    if (u === undefined || i === undefined || p === undefined) return []
    const va = u * Math.abs(i)
    if (va < LEAST_VA) return []
    const q2 = q ?? Math.sqrt(Math.max(0, va * va - p * p))
    return [{ index, volts: u, va, angle: (Math.atan2(q2, p) * 180) / Math.PI, isEitherSide: q === undefined }]
  })
}

const phaseNumber = (index: 0 | 1 | 2): 1 | 2 | 3 => ([1, 2, 3] as const)[index]

interface Explanation {
  /** Which current each phase's input really measures. */
  readonly order: readonly (0 | 1 | 2)[]
  readonly reversed: readonly (0 | 1 | 2)[]
}

const ORDERS: readonly (readonly [0 | 1 | 2, 0 | 1 | 2, 0 | 1 | 2])[] = [
  [0, 1, 2],
  [1, 0, 2],
  [2, 1, 0],
  [0, 2, 1],
  [1, 2, 0],
  [2, 0, 1],
]
const REVERSALS: readonly (readonly (0 | 1 | 2)[])[] = [[], [0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]]

/** Every set of angles that these phases may stand for. */
function anglesOf(phases: readonly Phase[]): number[][] {
  return phases.reduce<number[][]>(
    (sets, { angle, isEitherSide }) =>
      sets.flatMap((set) => (isEitherSide ? [angle, -angle] : [angle]).map((each) => [...set, each])),
    [[]],
  )
}

/** All three turned round is one habit of one electrician, or energy fed back: likelier than all three exchanged. */
const costOf = (rank: number, turned: number): number =>
  (rank === 0 ? 0 : rank <= 3 ? 1.5 : 2.5) + (turned === 3 ? 2.4 : turned)

/** The least that has to be wrong so that all three phases carry a plant's load; the order as it should be with nothing reversed if that fits. */
function explain(sets: readonly (readonly number[])[]): Explanation | undefined {
  const all = ORDERS.flatMap((order, rank) =>
    REVERSALS.flatMap((reversed) =>
      sets.map((angles) => {
        const angled = trueAngles(angles, { order, reversed })
        const strain = Math.min(...angled) < USUALLY_LEADING ? LEAD_COST : 0
        return { order, reversed, angled, cost: costOf(rank, reversed.length) + strain }
      }),
    ),
  ).sort((a, b) => a.cost - b.cost)
  return all.find(({ angled }) => fits(angled))
}

/** Input i measures the current of phase j = order[i]: angle_i = direction_i − direction_j + φ_j, and 180° more when it is reversed. */
function trueAngles(angles: readonly number[], { order, reversed }: Explanation): number[] {
  return INDICES.map((index) => {
    const j = order[index] ?? index
    const turned = reversed.includes(index) ? 180 : 0
    return wrapped((angles[index] ?? 0) - DIRECTION[index] + DIRECTION[j] - turned)
  })
}

function fits(angles: readonly number[]): boolean {
  const [least, most] = [Math.min(...angles), Math.max(...angles)]
  return least >= LEADING && most <= LAGGING && most - least <= SPREAD
}

const wrapped = (degrees: number): number => ((((degrees + 180) % 360) + 360) % 360) - 180

/** A ratio shows only where two places that know it disagree, or where the power is more than the feed can carry. */
function ratio(
  { name, values, configuredCt, configuredPt, metersCt, isSecondary, mostW }: WiringObservation,
  about: About,
): Finding[] {
  const ours = configuredCt ?? 1
  if (isSecondary && ratioDiffers(ours, metersCt))
    return [about('ct_ratio_off', DOCTOR.ratioDiffers(name, ours, metersCt))]
  const power = Math.abs(values.get('power_active_total') ?? 0) * (isSecondary ? ours * (configuredPt ?? 1) : 1)
  if (mostW !== undefined && power > 1.2 * mostW)
    return [about('ct_ratio_off', DOCTOR.tooMuchPower(name, power, mostW))]
  return []
}
