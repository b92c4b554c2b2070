import type { Clock } from '@metergate/protocol'
import type { LinePort, LineSettings } from '../bus/line-port.js'
import { SerialBus } from '../bus/serial-bus.js'
import type { ScanBus } from './presence.js'
import { OPENING_MS, type ScanScope } from './scan-plan.js'

/** Somewhere to look for meters. */
export interface ScanPort {
  /** As the configuration would write it. */
  readonly name: string
  /** `any`: speed and format can be chosen. Otherwise the far end has its own, and only those make sense. */
  readonly settings: 'any' | LineSettings
  /** The only ones that travel this way; both when absent. */
  readonly protocols?: NonNullable<ScanScope['protocols']>
  open(settings: LineSettings): ScanBus
}

/** A serial port, or a serial server in transparent mode, to scan. */
export function scanPort(name: string, line: LinePort, clock: Clock, settings: ScanPort['settings'] = 'any'): ScanPort {
  // A line just opened hears out what a meter may still owe to the settings before.
  return { name, settings, open: (now) => new SerialBus(line, clock, { settings: now, firstQuietMs: OPENING_MS }) }
}
