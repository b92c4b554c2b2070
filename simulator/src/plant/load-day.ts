import { InvariantError, invariant } from '@metergate/protocol'
import { DAY_S } from './calendar.js'

/** What a load draws between two whole seconds: whole watts and var over all phases, constant. */
export interface Segment {
  readonly watts: number
  readonly vars: number
}

/**
 * One plant day of one load as piecewise-constant power on whole seconds. All sums are whole numbers of watt-seconds,
 * so an energy is exact at any instant and the same whichever way it is asked for.
 */
export class LoadDay {
  readonly startS: readonly number[]
  readonly watts: readonly number[]
  readonly vars: readonly number[]
  /** Watt-seconds, var-seconds and finished cycles from midnight to the start of each segment. */
  readonly cumWs: readonly number[]
  readonly cumVars: readonly number[]
  readonly cumCycles: readonly number[]
  readonly totalWs: number
  readonly totalVars: number
  readonly totalCycles: number

  constructor(builder: LoadDayBuilder) {
    this.startS = builder.startS
    this.watts = builder.watts
    this.vars = builder.vars
    this.cumWs = builder.cumWs
    this.cumVars = builder.cumVars
    this.cumCycles = builder.cumCycles
    this.totalWs = builder.ws
    this.totalVars = builder.varS
    this.totalCycles = builder.cycles
  }

  /** The segment in force at `second` of the day (fractional). */
  indexAt(second: number): number {
    let low = 0
    let high = this.startS.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.startS[middle] ?? 0) <= second) low = middle
      else high = middle - 1
    }
    return low
  }
}

/** Lays segments end to end from midnight to midnight. */
export class LoadDayBuilder {
  readonly startS: number[] = []
  readonly watts: number[] = []
  readonly vars: number[] = []
  readonly cumWs: number[] = []
  readonly cumVars: number[] = []
  readonly cumCycles: number[] = []
  ws = 0
  varS = 0
  cycles = 0
  readonly #keepSegments: boolean
  #atS = 0

  /** Without segments only the sums come out: old days are walked through for nothing else. */
  constructor(keepSegments = true) {
    this.#keepSegments = keepSegments
  }

  get atS(): number {
    return this.#atS
  }

  /** Draws `segment` for `seconds`, cut off at midnight. */
  draw(seconds: number, { watts, vars }: Segment): void {
    const length = Math.min(seconds, DAY_S - this.#atS)
    if (length <= 0) return
    if (!Number.isInteger(length + watts + vars))
      throw new InvariantError(`a segment is whole: ${length} s, ${watts} W`)
    if (this.#keepSegments) {
      this.startS.push(this.#atS)
      this.watts.push(watts)
      this.vars.push(vars)
      this.cumWs.push(this.ws)
      this.cumVars.push(this.varS)
      this.cumCycles.push(this.cycles)
    }
    this.ws += watts * length
    this.varS += vars * length
    this.#atS += length
  }

  /** Counts a cycle as finished at this instant. */
  finishCycle(): void {
    this.cycles += 1
  }

  build(): LoadDay {
    invariant(this.#atS === DAY_S, `day ends at second ${this.#atS}`)
    return new LoadDay(this)
  }
}
