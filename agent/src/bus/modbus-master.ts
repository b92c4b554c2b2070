import { fail, ok, type Result } from '@metergate/protocol'
import type { BusFault } from './bus-fault.js'
import type { LineGuard } from './line-guard.js'
import { modbusQuestion, modbusShape } from './modbus-question.js'
import type { Question, UnitKey } from './question.js'
import { unitKey } from './question.js'
import type { BusAnswer, ModbusRead } from './register-bus.js'

/** A question that knows which read it is, so that it can be asked again. */
export type BusQuestion = Question & { readonly read?: ModbusRead }

/**
 * Modbus RTU reads over a guarded line. When an answer of the wanted shape may still be under way, a short read of
 * another shape goes first and is thrown away: its answer proves that everything asked before is over.
 */
export class ModbusMaster {
  readonly #guard: LineGuard<BusQuestion>
  /** Reads this unit has answered lately, of different shapes: what it answers once it answers again. */
  readonly #answered = new Map<UnitKey, ModbusRead[]>()

  constructor(guard: LineGuard<BusQuestion>) {
    this.#guard = guard
  }

  async read(read: ModbusRead, signal?: AbortSignal): Promise<Result<BusAnswer, BusFault>> {
    const question = modbusQuestion(read, this.#guard.nature)
    if (this.#guard.isOpen(question)) {
      const fault = await this.#resynchronise(read, question, signal)
      if (fault) return fail(fault)
    }
    const heard = await this.#guard.ask(question, 'value', signal)
    if (!heard.ok) return heard
    this.#remember(read)
    const { data, at, turnaroundMs, durationMs } = heard.value
    return ok({ data, at, turnaroundMs, durationMs })
  }

  async #resynchronise(
    wanted: ModbusRead,
    question: BusQuestion,
    signal: AbortSignal | undefined,
  ): Promise<BusFault | undefined> {
    const fault = await this.#prove(this.#probe(wanted, question), signal)
    // A refusal fits every open question of its function. Ask by the other function, so that this one's refusals are certain again.
    if (fault?.kind === 'exception' && this.#guard.unanswered(question.unit) > 0)
      await this.#prove(this.#byOtherFunction(wanted), signal)
    if (!this.#guard.isOpen(question)) return undefined
    const why = 'an older answer came instead of the one that proves the order'
    return fault && fault.kind !== 'exception' ? fault : { kind: 'bad_frame', received: '', why }
  }

  async #prove(probe: ModbusRead | undefined, signal: AbortSignal | undefined): Promise<BusFault | undefined> {
    if (!probe) return undefined
    const heard = await this.#guard.ask(modbusQuestion(probe, this.#guard.nature), 'resync', signal)
    return heard.ok ? undefined : heard.fault
  }

  /** The read to resynchronise with: of another shape than every unanswered one, and most likely to be answered. */
  #probe(wanted: ModbusRead, question: BusQuestion): ModbusRead {
    const newest = this.#guard.newestUnanswered(question.unit)?.read
    const last = newest && modbusShape(newest) !== question.shape ? newest : undefined
    if (last && this.#hasAnswered(last)) return last
    // It may have crossed a hole about which the meter says nothing: its shape is asked for at the place that is wanted now.
    if (last && last.function === wanted.function && last.count <= wanted.count)
      return { ...last, address: wanted.address }
    const candidates = [...(this.#answered.get(question.unit) ?? []), ...shorter(wanted), otherFunction(wanted)]
    return candidates.find((read) => !this.#isOpen(read)) ?? last ?? otherLength(wanted)
  }

  #byOtherFunction(wanted: ModbusRead): ModbusRead | undefined {
    return [otherFunction(wanted), ...shorter(otherFunction(wanted))].find((read) => !this.#isOpen(read))
  }

  #isOpen(read: ModbusRead): boolean {
    return this.#guard.isOpen(modbusQuestion(read, this.#guard.nature))
  }

  #hasAnswered(read: ModbusRead): boolean {
    const known = this.#answered.get(unitKey(read)) ?? []
    return known.some((each) => each.address === read.address && modbusShape(each) === modbusShape(read))
  }

  #remember(read: ModbusRead): void {
    const unit = unitKey(read)
    const others = (this.#answered.get(unit) ?? []).filter((each) => modbusShape(each) !== modbusShape(read))
    const known = [read, ...others].sort((a, b) => a.count - b.count).slice(0, 4)
    this.#answered.set(unit, known)
  }
}

/** Shorter reads at the same place: inside what the caller may read anyway. Even counts first, for meters of 32-bit values. */
function shorter(read: ModbusRead): ModbusRead[] {
  const step = read.function <= 2 ? 8 : 1
  return [2, 4, 1, 6, 3].map((count) => ({ ...read, count: count * step })).filter(({ count }) => count < read.count)
}

/** The same place by the other function of its kind; most meters answer or refuse it, and both are told apart by function. */
function otherFunction(read: ModbusRead): ModbusRead {
  const others = { 1: 2, 2: 1, 3: 4, 4: 3 } as const
  return { ...read, function: others[read.function] }
}

/** The last resort: one register less or more. */
const otherLength = (read: ModbusRead): ModbusRead => ({ ...read, count: read.count === 1 ? 2 : read.count - 1 })
