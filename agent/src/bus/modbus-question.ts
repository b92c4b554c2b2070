import { crc16, encodeReadRequest, expectedDataLength, expectedReplyLength } from '@metergate/protocol'
import type { Expects, OpenEnd, Question, Scan, Sighting } from './question.js'
import { unitKey } from './question.js'
import type { ModbusRead } from './register-bus.js'

const EXCEPTION_LENGTH = 5
/** USB adapters (16 ms latency timers), fetching in bulk (40 ms) and a busy box may leave holes of this size inside a frame. */
const SERIAL_GAP_MS = 200
/** Serial servers packetise by time and ride on a network (notes: Wi-Fi bridges need 200 ms). */
const SOCKET_GAP_MS = 300

/** What an answer's frame says: function and byte count (the unit is kept apart). */
export function modbusShape(read: Pick<ModbusRead, 'function' | 'count'>): string {
  return shapeOf(read.function, expectedDataLength(read.function, read.count))
}

const shapeOf = (fn: number, byteCount: number): string => `${fn}/${byteCount}`
const refusalOf = (fn: number): string => `${fn}!`

/** A Modbus RTU read as the guard needs it. */
export function modbusQuestion(
  read: ModbusRead,
  nature: 'serial' | 'socket',
): Question & { readonly read: ModbusRead } {
  const bytes = encodeReadRequest(read.unit, read.function, read.address, read.count)
  const unit = unitKey(read)
  const shape = modbusShape(read)
  const refusal = refusalOf(read.function)
  const answerLength = expectedReplyLength(read.function, read.count)
  return {
    read,
    unit,
    bytes,
    shape,
    refusal,
    answerLength,
    longestAnswer: answerLength,
    shortest: EXCEPTION_LENGTH,
    gapMs: nature === 'serial' ? SERIAL_GAP_MS : SOCKET_GAP_MS,
    outwaitsNoise: true,
    namesRegister: false,
    scan: (heard, expects, final) =>
      scanModbus(
        heard,
        bytes,
        (key, seen) => (key === unit && (seen === shape || seen === refusal)) || expects(key, seen),
        final,
      ),
  }
}

/**
 * Finds Modbus RTU answers anywhere in `bytes`: past echoes of `request`, noise and glitch bytes, closed by length and CRC.
 * Only frames that `expects` knows are looked for, so noise costs one comparison a byte and no CRC.
 */
export function scanModbus(bytes: Uint8Array, request: Uint8Array, expects: Expects, final: boolean): Scan {
  const sightings: Sighting[] = []
  let damaged: OpenEnd | undefined
  let at = 0
  while (at < bytes.length) {
    if (startsWith(bytes, at, request)) {
      sightings.push({ kind: 'echo', start: at, end: at + request.length })
      at += request.length
      continue
    }
    const found = frameAt(bytes, at, expects)
    if (found && 'end' in found) {
      sightings.push(found)
      damaged = undefined
      at = found.end
      continue
    }
    if (found?.kind === 'partial' && !final) return { sightings, open: found }
    damaged ??= found
    at += 1
  }
  return { sightings, open: damaged }
}

function frameAt(bytes: Uint8Array, start: number, expects: Expects): Sighting | OpenEnd | undefined {
  const unit = bytes[start]
  const fn = bytes[start + 1]
  const third = bytes[start + 2]
  if (unit === undefined || fn === undefined || third === undefined) return undefined
  const read = fn & 0x7f
  if (read < 1 || read > 4) return undefined
  const refused = fn !== read
  const key = `modbus:${unit}`
  const shape = refused ? refusalOf(read) : shapeOf(read, third)
  if (!expects(key, shape)) return undefined
  const end = start + (refused ? EXCEPTION_LENGTH : 5 + third)
  if (end > bytes.length) return { kind: 'partial', start, need: end }
  const crc = crc16(bytes, start, end - 2)
  if (bytes[end - 2] !== (crc & 0xff) || bytes[end - 1] !== crc >> 8) return { kind: 'crc', start, need: end }
  const found = { start, end, unit: key, shape, more: false }
  return refused
    ? { ...found, kind: 'refusal', data: new Uint8Array(0), code: third }
    : { ...found, kind: 'answer', data: bytes.slice(start + 3, end - 2), code: 0 }
}

function startsWith(bytes: Uint8Array, at: number, prefix: Uint8Array): boolean {
  if (at + prefix.length > bytes.length) return false
  for (let i = 0; i < prefix.length; i++) if (bytes[at + i] !== prefix[i]) return false
  return prefix.length > 0
}
