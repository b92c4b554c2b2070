import { z } from 'zod'

/** Every kind of fault a world knows. */
export const FAULT_KINDS = [
  'crash',
  'crash_at_step',
  'stop',
  'outage',
  'portal',
  'lost_request',
  'lost_answer',
  'duplicate_request',
  'late_request',
  'strange_status',
  'refused_batch',
  'scarce_disk',
  'failed_transaction',
  'clock_step',
  'boot_in_1970',
  'no_answer',
  'garbled_frame',
  'frame_cut_short',
  'exception',
  'late_answer',
  'noise',
  'silent_meter',
  'unplugged',
] as const
export type FaultKind = (typeof FAULT_KINDS)[number]

/** How often each kind struck; kinds that never did are left out. */
export const faultCountsSchema = z.partialRecord(z.enum(FAULT_KINDS), z.number())
export type FaultCounts = Readonly<z.infer<typeof faultCountsSchema>>

/** Counts what truly happened: a fault that was drawn and never struck proves nothing. */
export class Provoked {
  readonly counts: { [kind in FaultKind]?: number } = {}

  add(kind: FaultKind): void {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1
  }

  /** The same answer as `struck`, counted when it is true. */
  when(struck: boolean, kind: FaultKind): boolean {
    if (struck) this.add(kind)
    return struck
  }
}

/** All kinds, those that never struck with 0, so that it shows. */
export function sumOf(all: readonly FaultCounts[]): Record<FaultKind, number> {
  const zero = FAULT_KINDS.map((kind): [FaultKind, number] => [
    kind,
    all.reduce((sum, each) => sum + (each[kind] ?? 0), 0),
  ])
  return z.record(z.enum(FAULT_KINDS), z.number()).parse(Object.fromEntries(zero))
}
