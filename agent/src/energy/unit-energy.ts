import {
  type Amount,
  add,
  type MeterId,
  multiply,
  type noValueReasonSchema,
  type ProductId,
  ratio,
  type UnitEnergyRecord,
} from '@metergate/protocol'
import type { z } from 'zod'
import type { Slot } from './plant-time.js'
import { perMille, type Span, sum } from './spans.js'

export type NoValueReason = z.infer<typeof noValueReasonSchema>

/** A unit-energy figure as computed; whoever stores it adds the stamp. */
export type UnitEnergyDraft = Omit<UnitEnergyRecord, 'stamp'>

/**
 * 2: declared entries that cross an end of the period are split by time. 3: so are those that a counter covers in part, and an
 * interval metered in part has no energy of its own.
 */
export const UNIT_ENERGY_FORMULA = 'unit-energy/3'

/** Below this share of matched spans (per mille) a ratio is not published. */
export const LEAST_MATCHED = 900

/** Ratios are given at six decimals, rounded half-even. */
const RATIO_EXP = -6

/** Energy per product over some spans. Energies in kWh, outputs in pieces; a null ratio has a reason. */
export interface UnitEnergy {
  /** Energy of every span where it is known. */
  readonly energyTotal: Amount
  /** Energy and output of the spans where both are known. */
  readonly matchedEnergy: Amount
  readonly matchedOutput: Amount
  readonly matchedMs: number
  readonly expectedMs: number
  readonly value: Amount | null
  readonly reason: NoValueReason | null
  /** Energy of productive spans ÷ output: what the process takes without standby. */
  readonly processValue: Amount | null
  readonly productiveEnergy: Amount
  readonly idleEnergy: Amount
  /** Idle ÷ matched energy; null when no energy is matched. */
  readonly idleShare: Amount | null
  /** Estimated energy in the matched, per mille. */
  readonly estimated: number
}

/**
 * Ratio of sums over matched spans (both energy and output known), never a mean of ratios. Not a number but a reason
 * when nothing matched, too little matched, or nothing was made.
 */
export function unitEnergy(spans: readonly Span[], leastMatched = LEAST_MATCHED): UnitEnergy {
  const matched = spans.filter(isMatched)
  const matchedEnergy = sum(matched.map(({ energy }) => energy))
  const matchedOutput = sum(matched.map(({ output }) => output))
  const productiveEnergy = sum(matched.filter(({ output }) => output.n > 0).map(({ energy }) => energy))
  const idleEnergy = sum(matched.filter(({ output }) => output.n <= 0).map(({ energy }) => energy))
  const reason = whyNoValue(spans, matched, leastMatched)
  return {
    energyTotal: sum(spans.flatMap(({ energy }) => energy ?? [])),
    matchedEnergy,
    matchedOutput,
    matchedMs: lengthOf(matched),
    expectedMs: lengthOf(spans),
    value: reason ? null : (ratio(matchedEnergy, matchedOutput, RATIO_EXP) ?? null),
    reason,
    processValue: reason ? null : (ratio(productiveEnergy, matchedOutput, RATIO_EXP) ?? null),
    productiveEnergy,
    idleEnergy,
    idleShare: ratio(idleEnergy, matchedEnergy, RATIO_EXP) ?? null,
    estimated: perMille(sum(matched.map(({ estimated }) => estimated)), matchedEnergy),
  }
}

type MatchedSpan = Span & { readonly energy: Amount; readonly output: Amount }
const isMatched = (span: Span): span is MatchedSpan => span.energy !== null && span.output !== null

const lengthOf = (spans: readonly Span[]): number => spans.reduce((ms, { start, end }) => ms + end - start, 0)

function whyNoValue(
  spans: readonly Span[],
  matched: readonly MatchedSpan[],
  leastMatched: number,
): NoValueReason | null {
  if (!spans.some(({ output }) => output !== null)) return 'missing_production'
  if (lengthOf(matched) * 1000 < lengthOf(spans) * leastMatched) return 'insufficient_data'
  if (sum(matched.map(({ output }) => output)).n > 0) return null
  return matched.some(({ energy }) => energy.n !== 0) ? 'no_production' : 'no_activity'
}

/** One product's figure, ready to be stored. */
export interface UnitEnergyQuestion {
  readonly product: ProductId
  readonly meters: readonly MeterId[]
  readonly period: UnitEnergyRecord['period']
  readonly slot: Slot
  /** What a piece is called: `pair`. */
  readonly unit: string
  readonly revision?: number
  readonly reason?: string
}

/** The figure of a period as a record. */
export function unitEnergyDraft(spans: readonly Span[], question: UnitEnergyQuestion): UnitEnergyDraft {
  const figure = unitEnergy(spans)
  const { product, meters, period, slot, unit, revision = 0, reason } = question
  const none = figure.matchedMs === 0
  return {
    kind: 'unit_energy',
    product,
    meters: [...meters],
    period,
    start: slot.start,
    end: slot.end,
    revision,
    ...(reason ? { reason } : {}),
    energy: none ? null : figure.matchedEnergy,
    output: none ? null : figure.matchedOutput,
    value: figure.value,
    unit,
    ...(figure.reason ? { no_value: figure.reason } : {}),
    matched: figure.expectedMs ? Math.floor((figure.matchedMs * 1000) / figure.expectedMs) : 0,
    estimated: figure.estimated,
    energy_total: figure.energyTotal,
    energy_productive: figure.productiveEnergy,
    energy_idle: figure.idleEnergy,
    formula: UNIT_ENERGY_FORMULA,
  }
}

/** The same spans counted by weight: kWh/kg beside kWh/pair. `weightKg` is the weight of one piece. */
export function byWeight(spans: readonly Span[], weightKg: Amount): Span[] {
  return spans.map((span) => ({ ...span, output: span.output && multiply(span.output, weightKg) }))
}

/** Several products from one meter: output that has to carry the same energy, weighted to one common measure. */
export function jointSpans(products: readonly { readonly spans: readonly Span[]; readonly weight: Amount }[]): Span[] {
  const [first, ...rest] = products.map(({ spans, weight }) => byWeight(spans, weight))
  return (first ?? []).map((span, index) => {
    const others = rest.map((spans) => spans[index]?.output ?? null)
    const output = others.reduce<Amount | null>((total, one) => (total && one ? add(total, one) : null), span.output)
    return { ...span, output }
  })
}
