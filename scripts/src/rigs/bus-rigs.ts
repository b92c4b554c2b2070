import { DEFAULT_BACKOFF } from '@metergate/agent'
import { busControls } from './bus-controls.js'
import { busFaults, busFaultsOnPty, busLate } from './bus-faults.js'
import { busFuzz } from './bus-fuzz.js'
import { busNoise } from './bus-noise.js'
import { anyTransaction, careless, lacking, sulking, unguarded } from './bus-planted.js'
import { busSlaves } from './bus-slaves.js'
import type { RigResult } from './rig.js'

interface BusRig {
  readonly mounts: false
  readonly control?: true
  run(): Promise<RigResult>
}

const rig = (run: () => Promise<RigResult>): BusRig => ({ mounts: false, run })
const control = (run: () => Promise<RigResult>): BusRig => ({ mounts: false, control: true, run })

/** What is done to the line: every kind of fault in virtual time and on a real pty, late answers of the same shape, mutated frames. */
export function busRigs(long: boolean): Readonly<Record<string, BusRig>> {
  const [faults, late, onPty, fuzz, polls] = long
    ? [100_000, 10_000, 200, 1_000_000, 1_000_000]
    : [150, 300, 3, 3_000, 5_000]
  return {
    'bus-modbus': rig(() => busFaults('modbus', faults)),
    'bus-dlt645': rig(() => busFaults('dlt645', faults)),
    'bus-late': rig(() => busLate(late)),
    'bus-late-control': control(() => busLate(300, unguarded)),
    'bus-noise-modbus': rig(() => busNoise('modbus', polls)),
    'bus-noise-dlt645': rig(() => busNoise('dlt645', polls)),
    'bus-noise-control': control(() => busNoise('modbus', 5_000, sulking('modbus'))),
    'bus-controls-modbus': rig(() => busControls('modbus', 60)),
    'bus-controls-dlt645': rig(() => busControls('dlt645', 60)),
    'bus-slaves': rig(() => busSlaves(long ? 60 : 3)),
    'bus-slaves-control': control(() => busSlaves(2, { ...DEFAULT_BACKOFF, deadAfter: Number.POSITIVE_INFINITY })),
    'bus-pty-modbus': rig(() => busFaultsOnPty('modbus', onPty)),
    'bus-pty-dlt645': rig(() => busFaultsOnPty('dlt645', onPty)),
    'bus-fuzz-modbus': rig(() => busFuzz('modbus', fuzz)),
    'bus-fuzz-dlt645': rig(() => busFuzz('dlt645', fuzz)),
    'bus-fuzz-tcp': rig(() => busFuzz('modbus_tcp', fuzz)),
    'bus-fuzz-control': control(() => busFuzz('modbus', 100, careless)),
    'bus-fuzz-unchecked-control': control(() => busFuzz('modbus', 300, lacking('modbus', 'check'))),
    'bus-fuzz-dlt645-control': control(() => busFuzz('dlt645', 300, lacking('dlt645', 'check'))),
    'bus-fuzz-tcp-control': control(() => busFuzz('modbus_tcp', 300, anyTransaction)),
  }
}
