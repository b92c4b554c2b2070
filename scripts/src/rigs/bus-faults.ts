import type { Delivery } from '@metergate/simulator'
import { guarded, type RigMaster, virtualRigLine } from './bus-line.js'
import { type Figures, KINDS, type Kind, NOTHING_YET, Provocation } from './bus-provocation.js'
import { ptyRigLine } from './bus-pty-line.js'
import type { RigProtocol } from './bus-truth.js'
import type { RigResult } from './rig.js'

/** As adapters hand bytes over: whole answers, in chunks of 4 ms, with an FTDI's latency timer. */
const DELIVERIES: readonly Delivery[] = [
  { chunkMs: 0, tail: 'prompt' },
  { chunkMs: 4, tail: 'prompt' },
  { chunkMs: 16, tail: 'late' },
]

/** So many faults of one kind, over each way an adapter delivers. */
export async function provoke(
  kind: Kind,
  protocol: RigProtocol,
  wanted: number,
  sameLength = false,
  master: RigMaster = guarded(protocol),
  open: typeof virtualRigLine = virtualRigLine,
): Promise<Figures> {
  const total: Figures = { ...NOTHING_YET }
  for (const [index, delivery] of DELIVERIES.entries()) {
    const run = new Provocation(kind, protocol, sameLength, 1000 + index, delivery, master, open)
    await run.run(Math.ceil(wanted / DELIVERIES.length))
    const { figures } = run
    for (const name of ['provoked', 'reads', 'good', 'wrong', 'slow', 'undecidable'] as const)
      total[name] += figures[name]
    total.worstMs = Math.round(Math.max(total.worstMs, figures.worstMs))
  }
  return total
}

/**
 * Every kind of fault on the in-process line in virtual time. A violation is a wrong value taken, or a line whose next good
 * answer came more than a second after the fault was over.
 */
export async function busFaults(
  protocol: RigProtocol,
  wanted: number,
  provoked: readonly Kind[] = KINDS,
): Promise<RigResult> {
  const kinds: Record<string, Figures> = {}
  for (const kind of provoked) kinds[kind] = await provoke(kind, protocol, wanted)
  return resultOf('bus-faults', protocol, kinds)
}

function resultOf(rig: string, protocol: RigProtocol, kinds: Readonly<Record<string, Figures>>): RigResult {
  const all = Object.values(kinds)
  const sum = (of: (figures: Figures) => number): number => all.reduce((total, each) => total + of(each), 0)
  return {
    rig,
    runs: sum(({ provoked }) => provoked),
    violations: sum(({ wrong, slow }) => wrong + slow),
    notes: { protocol, wrong: sum(({ wrong }) => wrong), kinds },
  }
}

/** Late answers of the same unit, function and length. `master`: a planted one must be found out. */
export async function busLate(wanted: number, master: RigMaster = guarded('modbus')): Promise<RigResult> {
  const figures = await provoke('late', 'modbus', wanted, true, master)
  return { rig: 'bus-late', runs: figures.provoked, violations: figures.wrong, notes: { ...figures } }
}

/** More lines in one process would get into the way of each other's timing. */
const LINES_AT_ONCE = 18

/** The same on a real pty in real time, a few kinds at once, each on a line of its own. */
export async function busFaultsOnPty(protocol: RigProtocol, wanted: number): Promise<RigResult> {
  const kinds: Record<string, Figures> = {}
  const waiting = [...KINDS]
  const work = async (): Promise<void> => {
    for (let kind = waiting.shift(); kind !== undefined; kind = waiting.shift())
      kinds[kind] = await provoke(kind, protocol, wanted, false, guarded(protocol), ptyRigLine)
  }
  await Promise.all(Array.from({ length: LINES_AT_ONCE }, work))
  return resultOf('bus-pty', protocol, kinds)
}
