import { type Result, unreachable } from '@metergate/protocol'
import type { BusFault } from '../bus/bus-fault.js'
import type { UnitFacts } from '../bus/line-guard.js'
import type { UnitKey } from '../bus/question.js'
import type { BusAnswer, RegisterBus } from '../bus/register-bus.js'
import type { PortTrouble } from './scan-report.js'

/** A bus whose units can be given other time-outs. */
export interface ScanBus extends RegisterBus {
  setUnit(unit: UnitKey, facts: UnitFacts): void
}

/** Whether somebody is there. `garbled`: bytes came that are no answer. `babble`: the line does not fall silent by itself. */
export type Presence =
  | { readonly kind: 'there'; readonly turnaroundMs: number }
  | { readonly kind: 'nobody' }
  | { readonly kind: 'garbled'; readonly received: string }
  | { readonly kind: 'trouble'; readonly trouble: PortTrouble['kind']; readonly why: string }

/** What an answer, or the lack of one, says about presence: any well-formed answer, a refusal too, means somebody is there. */
export function presenceOf(answer: Result<BusAnswer, BusFault>): Presence {
  if (answer.ok) return { kind: 'there', turnaroundMs: answer.value.turnaroundMs }
  const { fault } = answer
  switch (fault.kind) {
    case 'exception':
      return { kind: 'there', turnaroundMs: 0 }
    case 'timeout':
      return { kind: 'nobody' }
    case 'crc':
      return { kind: 'garbled', received: fault.received }
    case 'bad_frame':
      return fault.received === ''
        ? { kind: 'trouble', trouble: 'babble', why: fault.why }
        : { kind: 'garbled', received: fault.received }
    case 'line_down':
      return { kind: 'trouble', trouble: 'line_down', why: fault.why }
    default:
      return unreachable(fault)
  }
}
