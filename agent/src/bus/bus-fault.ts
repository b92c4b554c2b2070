import type { AbsenceReason } from '@metergate/protocol'
import { unreachable } from '@metergate/protocol'

/** Why a request on the bus brought no answer. Closed: every place that handles it handles all of it. */
export type BusFault =
  | { readonly kind: 'timeout'; readonly waitedMs: number }
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
