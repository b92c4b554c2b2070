import { invariant } from '@metergate/protocol'
import { hash32, SeededRandom } from '../kernel/seeded-random.js'
import { dayNumber, dayStartMs } from './calendar.js'
import type { LoadDay } from './load-day.js'
import { shapeDay } from './load-shapes.js'
import type { LoadSpec } from './schema.js'

/** What one load draws at an instant, and all it has drawn since `since`. */
export interface LoadState {
  readonly watts: number
  readonly vars: number
  /** Milliwatt-seconds (W·ms) and var·ms, exact. */
  readonly energyMws: bigint
  readonly reactiveMvars: bigint
  /** Finished cycles. */
  readonly cycles: number
}

/** Sums from `since` to the beginning of a plant day. */
interface DaySums {
  readonly ws: number
  readonly varS: number
  readonly cycles: number
}

/** Days kept in full; older ones keep only their sums and are shaped again when asked for. */
const KEPT_DAYS = 8

/** One load over time: days are shaped on demand from seed and day number, so any instant may be asked for in any order. */
export class Load {
  readonly spec: LoadSpec
  readonly #seed: number
  readonly #since: number
  readonly #firstDay: number
  readonly #sums: DaySums[] = [{ ws: 0, varS: 0, cycles: 0 }]
  readonly #days = new Map<number, LoadDay>()
  #origin: { ws: bigint; varS: bigint; cycles: number } | undefined

  constructor(spec: LoadSpec, seed: number, sinceMs: number) {
    this.spec = spec
    this.#seed = seed
    this.#since = sinceMs
    this.#firstDay = dayNumber(sinceMs)
  }

  /** The state at `epochMs` (whole milliseconds); throws before `since`. */
  at(epochMs: number): LoadState {
    invariant(
      epochMs >= this.#since,
      `no truth before ${new Date(this.#since).toISOString()}: asked for ${new Date(epochMs).toISOString()}`,
    )
    const origin = this.#originSums()
    const state = this.#fromFirstMidnight(epochMs)
    return {
      ...state,
      energyMws: state.energyMws - origin.ws,
      reactiveMvars: state.reactiveMvars - origin.varS,
      cycles: state.cycles - origin.cycles,
    }
  }

  /** `since` may lie inside a day: what that day drew before it does not count. */
  #originSums(): { ws: bigint; varS: bigint; cycles: number } {
    if (!this.#origin) {
      const { energyMws, reactiveMvars, cycles } = this.#fromFirstMidnight(this.#since)
      this.#origin = { ws: energyMws, varS: reactiveMvars, cycles }
    }
    return this.#origin
  }

  #fromFirstMidnight(epochMs: number): LoadState {
    const day = dayNumber(epochMs)
    const sums = this.#sumsBefore(day)
    const shape = this.#day(day)
    const intoDayMs = epochMs - dayStartMs(day)
    const index = shape.indexAt(intoDayMs / 1000)
    const pick = (column: readonly number[]): number => column[index] ?? 0
    const intoSegmentMs = intoDayMs - pick(shape.startS) * 1000
    const watts = pick(shape.watts)
    const vars = pick(shape.vars)
    return {
      watts,
      vars,
      energyMws: BigInt(sums.ws + pick(shape.cumWs)) * 1000n + BigInt(watts * intoSegmentMs),
      reactiveMvars: BigInt(sums.varS + pick(shape.cumVars)) * 1000n + BigInt(vars * intoSegmentMs),
      cycles: sums.cycles + pick(shape.cumCycles),
    }
  }

  #sumsBefore(day: number): DaySums {
    const wanted = day - this.#firstDay
    invariant(wanted >= 0 && wanted < 40_000, `day ${day} is out of reach`)
    for (let known = this.#sums.length - 1; known < wanted; known += 1) {
      const shape = this.#days.get(this.#firstDay + known) ?? this.#shape(this.#firstDay + known, false)
      const before = this.#sums[known] ?? { ws: 0, varS: 0, cycles: 0 }
      this.#sums.push({
        ws: before.ws + shape.totalWs,
        varS: before.varS + shape.totalVars,
        cycles: before.cycles + shape.totalCycles,
      })
    }
    const sums = this.#sums[wanted]
    invariant(sums, `no sums for day ${day}`)
    return sums
  }

  #day(day: number): LoadDay {
    const kept = this.#days.get(day)
    if (kept) return kept
    const shape = this.#shape(day, true)
    if (this.#days.size >= KEPT_DAYS) {
      const oldest = this.#days.keys().next()
      if (!oldest.done) this.#days.delete(oldest.value)
    }
    this.#days.set(day, shape)
    return shape
  }

  #shape(day: number, keepSegments: boolean): LoadDay {
    return shapeDay(this.spec, day, new SeededRandom(hash32(this.#seed, this.spec.id, day)), keepSegments)
  }
}
