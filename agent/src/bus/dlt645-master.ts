import { fail, invariant, ok, type Result } from '@metergate/protocol'
import type { BusFault } from './bus-fault.js'
import { dlt645Question } from './dlt645-question.js'
import type { Heard } from './hearing.js'
import type { LineGuard } from './line-guard.js'
import type { BusQuestion } from './modbus-master.js'
import type { BusAnswer, Dlt645Read } from './register-bus.js'

/** Longest answer in follow-up frames that is still believed: 16 × 200 bytes, more than any block of values. */
const MOST_FRAMES = 16

/**
 * A line that showed damage is mistrusted for so many requests. With 50, a line on which 4 in 100 answers are damaged was trusted again
 * now and then by chance, and 2 wrong values in a million polls passed the sum.
 */
const MISTRUST = 400
/** Answers heard at most until two of them agree. */
const MOST_ANSWERS = 3

/**
 * DL/T 645 reads over a guarded line. An answer names its meter and its data identifier, so nothing has to be
 * resynchronised: an older answer to the same question is still this register's value. Follow-up frames are fetched and joined.
 * Its check is an 8-bit sum, which lets some damage pass: on a line that has lately shown damage only what came twice alike is taken.
 */
export class Dlt645Master {
  readonly #guard: LineGuard<BusQuestion>
  #damage = 0
  #mistrustUntil = 0

  constructor(guard: LineGuard<BusQuestion>) {
    this.#guard = guard
  }

  async read(read: Dlt645Read, signal?: AbortSignal): Promise<Result<BusAnswer, BusFault>> {
    const first = await this.#once(read, signal)
    return first.ok && this.#isDamaged() ? this.#confirmed(first.value, read, signal) : first
  }

  /** Asks again until two answers are alike; one that is spoilt on the way does not end it. */
  async #confirmed(first: BusAnswer, read: Dlt645Read, signal?: AbortSignal): Promise<Result<BusAnswer, BusFault>> {
    const heard = new Set([hex(first)])
    let fault: BusFault = { kind: 'crc', received: hex(first) }
    for (let answers = 1; answers < MOST_ANSWERS; answers++) {
      const next = await this.#once(read, signal)
      if (next.ok) {
        if (heard.has(hex(next.value))) return next
        heard.add(hex(next.value))
        fault = { kind: 'crc', received: hex(next.value) }
      } else {
        if (next.fault.kind !== 'crc' && next.fault.kind !== 'bad_frame') return next
        fault = next.fault
      }
    }
    return fail(fault)
  }

  #isDamaged(): boolean {
    const { damage } = this.#guard
    const { requests } = this.#guard.counters
    if (damage > this.#damage) this.#mistrustUntil = requests + MISTRUST
    this.#damage = damage
    return requests < this.#mistrustUntil
  }

  async #once(read: Dlt645Read, signal?: AbortSignal): Promise<Result<BusAnswer, BusFault>> {
    const parts: Heard[] = []
    for (let sequence = 0; sequence < MOST_FRAMES; sequence++) {
      const question = dlt645Question(read, sequence === 0 ? undefined : sequence)
      const heard = await this.#guard.ask(question, 'value', signal)
      if (!heard.ok) return heard
      parts.push(heard.value)
      if (!heard.value.more) return ok(joined(parts))
    }
    return fail({ kind: 'bad_frame', received: '', why: `the answer does not end after ${MOST_FRAMES} frames` })
  }
}

function joined(parts: readonly Heard[]): BusAnswer {
  const last = parts.at(-1)
  invariant(last, 'an answer has at least one frame')
  const data = Uint8Array.from(parts.flatMap((part) => [...part.data]))
  return {
    data,
    at: last.at,
    turnaroundMs: parts[0]?.turnaroundMs ?? 0,
    durationMs: parts.reduce((sum, part) => sum + part.durationMs, 0),
  }
}

const hex = ({ data }: BusAnswer): string => Buffer.from(data).toString('hex')
