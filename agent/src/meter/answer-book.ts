import { type Result, unreachable } from '@metergate/protocol'
import type { BusFault } from '../bus/bus-fault.js'
import type { BusAnswer, ModbusRead } from '../bus/register-bus.js'

/** A read put to an unknown unit. */
export type Probe = Pick<ModbusRead, 'function' | 'address' | 'count'>

/** What came of it. `busy`: a well-formed answer that says nothing about the register (device failure, still working). */
export type ProbeOutcome =
  | { readonly kind: 'data'; readonly data: Uint8Array }
  | { readonly kind: 'refused'; readonly code: number }
  | { readonly kind: 'busy'; readonly code: number }
  | { readonly kind: 'silent' }
  | { readonly kind: 'broken' }

/** Codes 1-3: no such function, address or count (Modbus application protocol V1.1b3, chapter 7). */
const SAYS_NO = new Set([1, 2, 3])

/** The bus's answer as evidence; undefined when the line itself is down, which says nothing about the unit. */
export function probeOutcome(answer: Result<BusAnswer, BusFault>): ProbeOutcome | undefined {
  if (answer.ok) return { kind: 'data', data: answer.value.data }
  const { fault } = answer
  switch (fault.kind) {
    case 'exception':
      return { kind: SAYS_NO.has(fault.code) ? 'refused' : 'busy', code: fault.code }
    case 'timeout':
      return { kind: 'silent' }
    case 'crc':
    case 'bad_frame':
      return { kind: 'broken' }
    case 'line_down':
      return undefined
    default:
      return unreachable(fault)
  }
}

/** Everything one unit has answered so far, looked up by register. */
export class AnswerBook {
  readonly #entries: { readonly probe: Probe; readonly outcome: ProbeOutcome }[] = []

  /** Reads put so far. */
  get size(): number {
    return this.#entries.length
  }

  add(probe: Probe, outcome: ProbeOutcome): void {
    this.#entries.push({ probe, outcome })
  }

  /** The outcome of exactly this read. */
  exact({ function: fn, address, count }: Probe): ProbeOutcome | undefined {
    return this.#entries.find(
      ({ probe }) => probe.function === fn && probe.address === address && probe.count === count,
    )?.outcome
  }

  /** Bytes of `count` registers, from whichever answer holds all of them. */
  bytes({ function: fn, address, count }: Probe): Uint8Array | undefined {
    for (const { probe, outcome } of this.#entries) {
      if (outcome.kind !== 'data' || probe.function !== fn || fn <= 2) continue
      const offset = (address - probe.address) * 2
      if (offset >= 0 && address + count <= probe.address + probe.count)
        return outcome.data.subarray(offset, offset + 2 * count)
    }
    return undefined
  }

  /** Whether a read inside these registers was refused. A refused larger block says nothing about each of its registers. */
  isRefused({ function: fn, address, count }: Probe): boolean {
    return this.#entries.some(
      ({ probe, outcome }) =>
        outcome.kind === 'refused' &&
        probe.function === fn &&
        probe.address >= address &&
        probe.address + probe.count <= address + count,
    )
  }
}
