import type { AbsenceReason } from '@metergate/protocol'
import { unreachable } from '@metergate/protocol'

/** Gateway path unavailable, gateway target failed to respond (Modbus application protocol V1.1b3, chapter 7). */
const GATEWAY_CODES = [0x0a, 0x0b] as const
export type GatewayCode = (typeof GATEWAY_CODES)[number]

/** Why a request on the bus brought no answer. Closed: every place that handles it handles all of it. */
export type BusFault =
  /** `gateway`: it was not we who waited; a gateway says with this exception that it heard nothing of the unit. */
  | { readonly kind: 'timeout'; readonly waitedMs: number; readonly gateway?: GatewayCode }
  | { readonly kind: 'crc'; readonly received: string }
  | { readonly kind: 'bad_frame'; readonly received: string; readonly why: string }
  | { readonly kind: 'exception'; readonly code: number }
  | { readonly kind: 'line_down'; readonly why: string }

/** What a reading says of a value this fault kept away. */
export function absenceOf(fault: BusFault): AbsenceReason {
  switch (fault.kind) {
    case 'timeout':
    case 'crc':
    case 'bad_frame':
    case 'exception':
    case 'line_down':
      return fault.kind
    default:
      return unreachable(fault)
  }
}

/** What an exception says: two of them are a gateway's word for a silent unit, hence no answer of that unit. */
export function refusalOf(code: number, waitedMs: number): BusFault {
  const gateway = GATEWAY_CODES.find((each) => each === code)
  return gateway === undefined ? { kind: 'exception', code } : { kind: 'timeout', waitedMs, gateway }
}
