import { expectedReplyLength, type MeterProfile } from '@metergate/protocol'
import { type LineSettings, silenceMs, wireMs } from '../bus/line-port.js'
import type { ModbusRead } from '../bus/register-bus.js'
import type { PlannedRead } from './planned-read.js'

const MODBUS_REQUEST = 8
/** Wake-up bytes, 12 bytes of frame, identifier; the answer has the same and its data. */
const DLT645_FRAME = 4 + 12 + 4

interface Priced extends LineSettings {
  readonly turnaroundMs: number
}

/**
 * Milliseconds of line one Modbus read takes: t3.5, 8 characters out, the meter's turnaround, 5 + 2·n characters back, and
 * the pause this model needs.
 */
export function modbusReadMs(
  count: number,
  fn: ModbusRead['function'],
  profile: Pick<MeterProfile, 'pause_ms'>,
  settings: Priced,
): number {
  const characters = MODBUS_REQUEST + expectedReplyLength(fn, count)
  return silenceMs(settings.baud) + wireMs(characters, settings) + settings.turnaroundMs + profile.pause_ms
}

/** The same for any planned read. */
export function readMs(read: PlannedRead, profile: MeterProfile, settings: Priced): number {
  if (read.protocol === 'modbus') return modbusReadMs(read.count, read.function, profile, settings)
  const data = Math.max(...read.items.map(({ item, offset }) => offset + item.bytes))
  return silenceMs(settings.baud) + wireMs(2 * DLT645_FRAME + data, settings) + settings.turnaroundMs + profile.pause_ms
}
