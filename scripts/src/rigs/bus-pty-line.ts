import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SystemClock, systemLineTools } from '@metergate/agent'
import { invariant } from '@metergate/protocol'
import {
  type Delivery,
  FaultPlan,
  type LineEvent,
  PtyLine,
  RealScheduler,
  SeededRandom,
  SerialLine,
} from '@metergate/simulator'
import type { RigLine, RigMaster } from './bus-line.js'
import { TruthfulStation } from './bus-station.js'
import { type RigProtocol, SETTINGS, UNITS } from './bus-truth.js'

/** The same slaves behind a real pty in real time, read through the operating system's serial driver. */
export function ptyRigLine(
  protocol: RigProtocol,
  seed: number,
  delivery: Delivery,
  master: RigMaster,
  onEvent: (event: LineEvent) => void = () => {},
): RigLine {
  const scheduler = new RealScheduler()
  const clock = new SystemClock()
  const random = new SeededRandom(seed)
  const faults = new FaultPlan(random.fork('faults'))
  const line = new SerialLine({
    scheduler,
    stations: UNITS.map((unit) => new TruthfulStation(protocol, unit)),
    faults,
    random: random.fork('noise'),
    epochAt: (at) => at,
    delivery,
    strictGaps: false,
    onEvent,
  })
  const folder = mkdtempSync(join(tmpdir(), 'metergate-rig-'))
  const link = join(folder, 'rs485')
  const { baud, format } = SETTINGS[protocol]
  const pty = new PtyLine({ line, scheduler, baud, link, probeSpeed: false })
  pty.start()
  const port = systemLineTools(clock).line({ kind: 'serial', path: link, baud, format })
  invariant(port, 'a serial port is a line')
  return {
    clock,
    faults,
    read: master(port, clock),
    now: () => scheduler.now(),
    after: (delayMs, action) => void scheduler.after(delayMs, action),
    unplug: () => pty.unplug(),
    replug: () => void pty.replug(),
    run: (work) => work,
    close: () => {
      void port.close()
      pty.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
