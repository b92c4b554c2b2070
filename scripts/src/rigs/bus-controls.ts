import { provoke } from './bus-faults.js'
import { lacking, type Omission, sulking } from './bus-planted.js'
import { KINDS, type Kind } from './bus-provocation.js'
import type { RigProtocol } from './bus-truth.js'
import type { RigResult } from './rig.js'

/**
 * Which planted mistake each kind of fault must bring to light. Exhaustive: a new kind of fault needs one.
 * `nothing` is the master of the common kind, `lacking` one precaution more is the others.
 */
export const MISTAKES: Readonly<Record<Kind, Omission>> = {
  silent: 'whole',
  late: 'nothing',
  crc: 'check',
  truncate: 'whole',
  lose_byte: 'whole',
  stray_before: 'start',
  stray_after: 'end',
  wrong_unit: 'head',
  wrong_function: 'head',
  exception: 'whole',
  garbage: 'whole',
  clash: 'check',
  slow: 'nothing',
  block_limit: 'whole',
  echo: 'start',
  partial_echo: 'start',
  noise: 'check',
  unplug: 'whole',
}

/** Faults that cost no read, after which no master can come back late. */
const HARMLESS: readonly Kind[] = ['stray_before', 'stray_after', 'echo', 'partial_echo']

/**
 * For each kind of fault: a master with the mistake it must bring to light takes wrong values, and one that sulks after failures is
 * back too late. A violation is a mistake that was not found out.
 */
export async function busControls(protocol: RigProtocol, wanted: number): Promise<RigResult> {
  const table: Record<string, object> = {}
  let missed = 0
  for (const kind of KINDS) {
    const mistake = MISTAKES[kind]
    const { provoked, wrong } = await provoke(kind, protocol, wanted, false, lacking(protocol, mistake))
    const slow = HARMLESS.includes(kind)
      ? undefined
      : (await provoke(kind, protocol, wanted, false, sulking(protocol))).slow
    if (wrong === 0) missed += 1
    if (slow === 0) missed += 1
    table[kind] = { lacking: mistake, provoked, wrong, ...(slow === undefined ? {} : { too_late_when_sulking: slow }) }
  }
  return { rig: 'bus-controls', runs: KINDS.length, violations: missed, notes: { protocol, table } }
}
