import {
  type Amount,
  add,
  amountSchema,
  type IntervalDelta,
  intervalRecordSchema,
  type QuantityName,
  quantity,
} from '@metergate/protocol'
import { z } from 'zod'
import type { IntervalDraft } from './interval.js'
import { meteredEnergy, slotEnergy } from './spans.js'
import { BRIDGE_MOST_MS, bridgeEnergy } from './window.js'

/** How such an estimate is made: the mean of both neighbours' mean powers over the time no meter saw. */
export const BRIDGE_METHOD = 'bridge_mean'
/** More estimated intervals than this are not remembered; a later change of an older one is a plain revision. */
const REMEMBERED = 256

const neighbourSchema = z.strictObject({
  end: z.number(),
  ms: z.number(),
  energies: z.array(z.tuple([z.string(), amountSchema])),
})
type Neighbour = z.infer<typeof neighbourSchema>

export const gapStateSchema = z.strictObject({
  before: neighbourSchema.nullable(),
  pending: z.array(intervalRecordSchema.omit({ stamp: true })),
  /** Start and revision of the estimates given. */
  given: z.array(z.tuple([z.number(), z.number()])),
})
export type GapState = z.infer<typeof gapStateSchema>

/**
 * Estimates what no meter saw between two segments of one meter: across a reset or an exchange, up to two hours. The interval
 * as cut stays; the estimate is its next revision, with flag `mixed` and a method. Longer gaps stay open.
 */
export class GapEstimator {
  readonly #state: GapState

  constructor(state: GapState = { before: null, pending: [], given: [] }) {
    this.#state = state
  }

  state(): GapState {
    return this.#state
  }

  /** Takes intervals as cut, in that order, and gives them back with the estimates that became possible. */
  take(intervals: readonly IntervalDraft[]): IntervalDraft[] {
    return intervals.flatMap((interval) => this.#takeOne(this.#beyondEstimate(interval)))
  }

  /** A late revision of an interval that was estimated meanwhile goes beyond the estimate. */
  #beyondEstimate(interval: IntervalDraft): IntervalDraft {
    const found = this.#state.given.find(([start]) => start === interval.start)
    if (!found || interval.revision > found[1]) return interval
    found[1] += 1
    return { ...interval, revision: found[1], reason: interval.reason ?? 'late_values' }
  }

  #takeOne(interval: IntervalDraft): IntervalDraft[] {
    const state = this.#state
    const again = state.pending.findIndex(({ start }) => start === interval.start)
    if (again >= 0) {
      state.pending[again] = interval
      return [interval]
    }
    const last = state.pending.at(-1)?.end ?? state.before?.end
    if (last !== undefined && interval.start < last) return [interval]
    if (last !== undefined && interval.start > last) Object.assign(state, { before: null, pending: [] })
    if (gapsOf(interval).length > 0) {
      if (state.before) state.pending.push(interval)
      if (unmeteredMs(state.pending) > BRIDGE_MOST_MS) Object.assign(state, { before: null, pending: [] })
      return [interval]
    }
    const estimates = this.#close(interval)
    Object.assign(state, { before: neighbourOf(interval), pending: [] })
    return [interval, ...estimates]
  }

  #close(after: IntervalDraft): IntervalDraft[] {
    const { before, pending, given } = this.#state
    if (!before) return []
    const right = neighbourOf(after)
    return pending.flatMap((interval) => {
      const revised = bridged(interval, before, right)
      if (!revised) return []
      given.push([revised.start, revised.revision])
      if (given.length > REMEMBERED) given.shift()
      return [revised]
    })
  }
}

const isEnergy = (name: QuantityName): boolean => quantity(name).unit !== 'pulse'

function gapsOf(interval: IntervalDraft): IntervalDelta[] {
  return interval.deltas.filter((delta) => isEnergy(delta.quantity) && openMs(delta, interval) > 0)
}

/** Milliseconds of the interval in which the counter was not metered. */
function openMs({ delta, parts }: IntervalDelta, { start, end }: IntervalDraft): number {
  if (parts) return end - start - parts.reduce((ms, part) => ms + part.end - part.start, 0)
  return delta ? 0 : end - start
}

const unmeteredMs = (pending: readonly IntervalDraft[]): number =>
  pending.reduce((ms, one) => ms + Math.max(0, ...gapsOf(one).map((delta) => openMs(delta, one))), 0)

function neighbourOf(interval: IntervalDraft): Neighbour {
  return {
    end: interval.end,
    ms: interval.end - interval.start,
    energies: interval.deltas.flatMap((delta): [string, Amount][] => {
      const { energy } = slotEnergy(interval, delta.quantity)
      return energy ? [[delta.quantity, energy]] : []
    }),
  }
}

function bridged(interval: IntervalDraft, before: Neighbour, after: Neighbour): IntervalDraft | undefined {
  const energyOf = ({ energies }: Neighbour, name: QuantityName) => energies.find(([known]) => known === name)?.[1]
  let isChanged = false
  const deltas = interval.deltas.map((delta): IntervalDelta => {
    const gapMs = isEnergy(delta.quantity) ? openMs(delta, interval) : 0
    const [left, right] = [energyOf(before, delta.quantity), energyOf(after, delta.quantity)]
    if (gapMs <= 0 || !left || !right) return delta
    const missed = bridgeEnergy({ energy: left, ms: before.ms }, { energy: right, ms: after.ms }, gapMs)
    if (!missed) return delta
    isChanged = true
    const seen = delta.delta ?? (delta.parts ? meteredEnergy(delta, interval.multiplier) : undefined)
    return { ...delta, delta: seen ? add(seen, missed) : missed, flag: 'mixed', method: BRIDGE_METHOD }
  })
  if (!isChanged) return undefined
  return { ...interval, revision: interval.revision + 1, reason: `estimated: ${BRIDGE_METHOD}`, deltas }
}
