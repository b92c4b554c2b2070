import { randomInt } from '@metergate/protocol'
import { z } from 'zod'
import type { SeededRandom } from '../kernel/seeded-random.js'
import type { Station } from '../line/station.js'

/** What can go wrong with one answer. */
export const ANSWER_FAULTS = [
  'silent',
  'late',
  'crc',
  'truncate',
  'lose_byte',
  'stray_before',
  'stray_after',
  'wrong_unit',
  'wrong_function',
  'exception',
  'garbage',
  'clash',
] as const
export type AnswerFault = (typeof ANSWER_FAULTS)[number]
/** Those that have a meaning without a wire: what a Modbus TCP gateway passes on. */
export const TCP_FAULTS: readonly AnswerFault[] = ['silent', 'late', 'wrong_unit', 'wrong_function', 'exception']
/** Everything that is counted when it was done. */
export type Provoked = AnswerFault | 'slow' | 'block_limit' | keyof LineFaults

/** Modbus exception 2: what most meters say to a block they do not give. */
const ILLEGAL_ADDRESS = 2

const probability = z.number().min(0).max(1)

/** Probabilities per answer of one unit, and what the faults look like. */
export const unitFaultsSchema = z.strictObject({
  silent: probability.optional(),
  late: probability.optional(),
  crc: probability.optional(),
  truncate: probability.optional(),
  lose_byte: probability.optional(),
  stray_before: probability.optional(),
  stray_after: probability.optional(),
  wrong_unit: probability.optional(),
  wrong_function: probability.optional(),
  exception: probability.optional(),
  garbage: probability.optional(),
  /** A second unit with the same address and other values answers as well. */
  clash: probability.optional(),
  /** Answers nothing at all, as if its supply were off. */
  dead: z.boolean().optional(),
  /** How much later a late answer starts. */
  late_ms: z.number().min(0).max(60_000).optional(),
  /** Added to every answer's turnaround: a slow unit. */
  slow_ms: z.number().min(0).max(60_000).optional(),
  exception_code: z.number().int().min(1).max(255).optional(),
  /** How much later than this unit its double starts. */
  clash_ms: z.number().min(0).max(60_000).optional(),
  /** Refuses answers of more registers (two bytes each) than this with code 2, whatever its profile says. */
  block_limit: z.number().int().min(1).max(125).optional(),
})
export type UnitFaults = z.infer<typeof unitFaultsSchema>

/** Faults of the wire itself. */
export const lineFaultsSchema = z.strictObject({
  /** The adapter hears the request it sent: whole, or only a piece of it. Per request. */
  echo: probability.optional(),
  partial_echo: probability.optional(),
  /** A bit flips on the way. Per byte, both directions. */
  noise: probability.optional(),
})
export type LineFaults = z.infer<typeof lineFaultsSchema>

/** An answer after the faults. */
export interface ShapedAnswer {
  readonly bytes: Uint8Array
  readonly extraDelayMs: number
  /** What was done to it. */
  readonly faults: readonly AnswerFault[]
  /** What a second unit of the same address says, so much later. */
  readonly double?: { readonly bytes: Uint8Array; readonly afterMs: number }
}

/** Address of a unit as faults know it: `1` for Modbus unit 1, twelve digits for DL/T 645. */
export type UnitName = string

/**
 * The faults in force on a line: by probability, changed at any time, or exactly once on the next answer. Counts what
 * it provoked, so that a test can say "200 of each".
 */
export class FaultPlan {
  readonly provoked = new Map<Provoked, number>()
  readonly #random: SeededRandom
  readonly #units = new Map<UnitName, UnitFaults>()
  readonly #once = new Map<UnitName, AnswerFault[]>()
  #line: LineFaults = {}

  constructor(random: SeededRandom) {
    this.#random = random
  }

  /** Replaces the faults of a unit; `{}` heals it. */
  setUnit(unit: UnitName, faults: UnitFaults): void {
    this.#units.set(unit, faults)
  }

  /** Replaces the faults of the wire. */
  setLine(faults: LineFaults): void {
    this.#line = faults
  }

  /** The unit's next answer has exactly this fault (several queue up), whatever the probabilities. */
  once(unit: UnitName, fault: AnswerFault): void {
    this.#once.set(unit, [...(this.#once.get(unit) ?? []), fault])
  }

  /** Everything well again. */
  heal(): void {
    this.#units.clear()
    this.#once.clear()
    this.#line = {}
  }

  isDead(unit: UnitName): boolean {
    return this.#units.get(unit)?.dead === true
  }

  /** What becomes of an answer, or undefined when it is never sent. `possible`: the faults there can be on this way. */
  shape(
    station: Station,
    answer: Uint8Array,
    possible: readonly AnswerFault[] = ANSWER_FAULTS,
  ): ShapedAnswer | undefined {
    const unit = station.name
    const faults = this.#units.get(unit)
    const forced = this.#once.get(unit)?.shift()
    if (!faults && !forced) return { bytes: answer, extraDelayMs: 0, faults: [] }
    const active = (forced ? [forced] : possible).filter(
      (kind) => possible.includes(kind) && (forced !== undefined || this.#random.chance(faults?.[kind] ?? 0)),
    )
    let shaped: ShapedAnswer | undefined = { ...this.#unitsWay(station, answer, faults ?? {}), faults: active }
    for (const kind of active) {
      this.#count(kind)
      shaped = shaped && this.#apply(kind, shaped, faults ?? {}, station)
    }
    return shaped
  }

  /** What a unit does by its nature: it is slow, and refuses longer blocks than it can give. */
  #unitsWay(station: Station, answer: Uint8Array, { slow_ms: slowMs = 0, block_limit: limit }: UnitFaults) {
    if (slowMs > 0) this.#count('slow')
    const refuses = limit !== undefined && station.dataBytes(answer) > 2 * limit
    if (refuses) this.#count('block_limit')
    return { bytes: refuses ? station.refusal(answer, ILLEGAL_ADDRESS) : answer, extraDelayMs: slowMs }
  }

  #apply(kind: AnswerFault, before: ShapedAnswer, faults: UnitFaults, station: Station): ShapedAnswer | undefined {
    const random = this.#random
    const { bytes, extraDelayMs } = before
    const now = (next: Uint8Array): ShapedAnswer => ({ ...before, bytes: next })
    switch (kind) {
      case 'silent':
        return undefined
      case 'late':
        return { ...before, extraDelayMs: extraDelayMs + (faults.late_ms ?? 505) }
      case 'crc':
        return now(flipBit(bytes, randomInt(random, bytes.length), random))
      case 'truncate':
        return now(bytes.slice(0, 1 + randomInt(random, Math.max(1, bytes.length - 1))))
      case 'lose_byte': {
        const lost = randomInt(random, bytes.length)
        return now(bytes.filter((_, index) => index !== lost))
      }
      case 'stray_before':
        return now(joined(this.#stray(), bytes))
      case 'stray_after':
        return now(joined(bytes, this.#stray()))
      case 'wrong_unit':
        return now(station.reseal(changed(bytes, station.unitAt(bytes), (byte) => otherUnit(byte, random))))
      case 'wrong_function':
        return now(station.reseal(changed(bytes, station.functionAt(bytes), otherFunction)))
      case 'exception':
        return now(station.refusal(bytes, faults.exception_code ?? 6))
      case 'garbage':
        return now(random.bytes(1 + randomInt(random, 40)))
      case 'clash':
        return { ...before, double: { bytes: station.double(bytes, random), afterMs: faults.clash_ms ?? 0 } }
    }
  }

  /** One to four bytes; often 00 or FF, which a floating pair gives. */
  #stray(): Uint8Array {
    const count = 1 + randomInt(this.#random, 4)
    const kind = randomInt(this.#random, 3)
    return kind === 2 ? this.#random.bytes(count) : new Uint8Array(count).fill(kind === 0 ? 0x00 : 0xff)
  }

  /** What the adapter hears of its own request: all, a piece, or nothing. */
  echo(request: Uint8Array): Uint8Array | undefined {
    if (this.#random.chance(this.#line.echo ?? 0)) {
      this.#count('echo')
      return request
    }
    if (!this.#random.chance(this.#line.partial_echo ?? 0)) return undefined
    this.#count('partial_echo')
    const from = randomInt(this.#random, request.length)
    return request.slice(from, from + 1 + randomInt(this.#random, request.length - from))
  }

  /** A byte after the wire's noise. */
  noisy(byte: number): number {
    if (!this.#random.chance(this.#line.noise ?? 0)) return byte
    this.#count('noise')
    return byte ^ (1 << randomInt(this.#random, 8))
  }

  #count(kind: Provoked): void {
    this.provoked.set(kind, (this.provoked.get(kind) ?? 0) + 1)
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const all = new Uint8Array(first.length + second.length)
  all.set(first)
  all.set(second, first.length)
  return all
}

function changed(bytes: Uint8Array, index: number, change: (byte: number) => number): Uint8Array {
  const copy = bytes.slice()
  copy[index] = change(copy[index] ?? 0)
  return copy
}

function flipBit(bytes: Uint8Array, index: number, random: SeededRandom): Uint8Array {
  return changed(bytes, index, (byte) => byte ^ (1 << randomInt(random, 8)))
}

/** Another address of the same kind: a unit from 1 to 247, or two other decimal digits. Never the same. */
function otherUnit(byte: number, random: SeededRandom): number {
  const pair = 1 + randomInt(random, 98)
  const digits = Math.floor(pair / 10) * 16 + (pair % 10)
  return digits === byte ? (byte === 0x11 ? 0x12 : 0x11) : digits
}

/** Modbus 3 and 4 for each other; anything else with a low bit turned. */
function otherFunction(byte: number): number {
  return byte === 3 ? 4 : byte === 4 ? 3 : byte ^ 1
}
