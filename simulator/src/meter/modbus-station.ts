import { type Random, randomInt } from '@metergate/protocol'
import type { Station } from '../line/station.js'
import type { SerialSettings } from '../line/timing.js'
import { hasGoodCrc, withCrc } from './crc16.js'
import { ILLEGAL_FUNCTION, type ModbusMeter } from './modbus-meter.js'

const READ_REQUEST_BYTES = 8

/** A Modbus meter as a slave on a serial line: RTU frames around {@link ModbusMeter}. */
export class ModbusStation implements Station {
  readonly name: string
  readonly settings: SerialSettings
  readonly turnaroundMs: number
  readonly meter: ModbusMeter

  constructor(meter: ModbusMeter, settings: SerialSettings) {
    this.meter = meter
    this.name = String(meter.unit)
    this.settings = settings
    this.turnaroundMs = meter.spec.turnaroundMs
  }

  hear(frame: Uint8Array, strict: boolean): ((epochMs: number) => Uint8Array) | undefined {
    // A lenient slave finds the request at the end of whatever came before it.
    const request = strict ? frame : frame.subarray(Math.max(0, frame.length - READ_REQUEST_BYTES))
    if (request.length !== READ_REQUEST_BYTES || request[0] !== this.meter.unit || !hasGoodCrc(request))
      return undefined
    const pdu = request.slice(1, 6)
    if (keepsSilent(this.meter, pdu)) return undefined
    return (epochMs) => withCrc(Uint8Array.of(this.meter.unit, ...answerPdu(this.meter, pdu, epochMs)))
  }

  reseal(frame: Uint8Array): Uint8Array {
    return withCrc(frame.subarray(0, frame.length - 2))
  }

  unitAt(): number {
    return 0
  }

  functionAt(): number {
    return 1
  }

  refusal(frame: Uint8Array, code: number): Uint8Array {
    return withCrc(Uint8Array.of(frame[0] ?? 0, (frame[1] ?? 0) | 0x80, code))
  }

  dataBytes(frame: Uint8Array): number {
    return ((frame[1] ?? 0) & 0x80) !== 0 ? 0 : (frame[2] ?? 0)
  }

  double(frame: Uint8Array, random: Random): Uint8Array {
    const end = 3 + this.dataBytes(frame)
    return this.reseal(frame.map((byte, index) => (index >= 3 && index < end ? randomInt(random, 256) : byte)))
  }
}

/** Answers a request's PDU (function, address, count): data or exception. Everything but reads is refused. */
export function answerPdu(meter: ModbusMeter, pdu: Uint8Array, epochMs: number): Uint8Array {
  const fn = pdu[0] ?? 0
  if (fn < 1 || fn > 4 || pdu.length !== 5) return Uint8Array.of(fn | 0x80, ILLEGAL_FUNCTION)
  const outcome = meter.read(fn, word(pdu, 1), word(pdu, 3), epochMs)
  if ('exception' in outcome) return Uint8Array.of(fn | 0x80, outcome.exception)
  return Uint8Array.of(fn, outcome.data.length, ...outcome.data)
}

/** Whether the meter says nothing to this request because it does not have what is asked for. */
export const keepsSilent = (meter: ModbusMeter, pdu: Uint8Array): boolean =>
  meter.spec.refusal === 'silence' && meter.refusal(pdu[0] ?? 0, word(pdu, 1), word(pdu, 3)) !== undefined

const word = (pdu: Uint8Array, index: number): number => ((pdu[index] ?? 0) << 8) | (pdu[index + 1] ?? 0)
