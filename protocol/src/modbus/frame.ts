import { invariant } from '../invariant.js'
import { fail, ok, type Result } from '../result.js'
import { crc16 } from './crc.js'

/** The read functions: 1 coils, 2 discrete inputs, 3 holding registers, 4 input registers. Nothing here can write. */
export type ReadFunction = 1 | 2 | 3 | 4

/** A read of `count` registers (bits for functions 1 and 2) of one unit from a 0-based address. */
export interface ReadRequest {
  readonly unit: number
  readonly function: ReadFunction
  readonly address: number
  readonly count: number
}

/** Why bytes are not the answer to a request. `exception` is a valid answer that refuses. */
export type ReplyFault =
  | { readonly kind: 'too_short'; readonly have: number; readonly need: number }
  | { readonly kind: 'crc' }
  | { readonly kind: 'wrong_unit'; readonly unit: number }
  | { readonly kind: 'wrong_function'; readonly function: number }
  | { readonly kind: 'wrong_length'; readonly have: number; readonly need: number }
  | { readonly kind: 'exception'; readonly code: number }

/** Unit, function with top bit, code, CRC. */
export const EXCEPTION_LENGTH = 5
export const REQUEST_LENGTH = 8

/** The PDU of a read: function, address, count. Throws on a count no device may be asked for. */
function readPdu(fn: ReadFunction, address: number, count: number): Uint8Array {
  const most = fn <= 2 ? 2000 : 125
  invariant(Number.isInteger(count) && count >= 1 && count <= most, `cannot read ${count} with function ${fn}`)
  invariant(Number.isInteger(address) && address >= 0 && address + count <= 0x10000, `no such address: ${address}`)
  return Uint8Array.of(fn, address >> 8, address & 0xff, count >> 8, count & 0xff)
}

/** A whole RTU request of 8 bytes with its CRC. */
export function encodeReadRequest(unit: number, fn: ReadFunction, address: number, count: number): Uint8Array {
  invariant(Number.isInteger(unit) && unit >= 0 && unit <= 255, `no such unit: ${unit}`)
  return withCrc(Uint8Array.of(unit, ...readPdu(fn, address, count)))
}

/** `body` followed by its CRC, low byte first. */
export function withCrc(body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(body.length + 2)
  frame.set(body)
  const crc = crc16(body)
  frame[body.length] = crc & 0xff
  frame[body.length + 1] = crc >> 8
  return frame
}

/** Bytes of data in the normal answer. */
export function expectedDataLength(fn: ReadFunction, count: number): number {
  return fn <= 2 ? Math.ceil(count / 8) : 2 * count
}

/** Bytes of the whole normal RTU answer: unit, function, byte count, data, CRC. */
export function expectedReplyLength(fn: ReadFunction, count: number): number {
  return 5 + expectedDataLength(fn, count)
}

/**
 * The data of an RTU answer that starts at the first byte and belongs to `request`; bytes after it are ignored.
 * A wrong unit, function or length is told apart from a wrong CRC because it points at another cause
 * (two masters, a late answer) than noise does.
 */
export function parseReply(bytes: Uint8Array, request: ReadRequest): Result<Uint8Array, ReplyFault> {
  const [unit, fn, third] = bytes
  if (unit === undefined || fn === undefined || third === undefined || bytes.length < EXCEPTION_LENGTH)
    return fail({ kind: 'too_short', have: bytes.length, need: EXCEPTION_LENGTH })
  const isException = fn === (request.function | 0x80)
  const length = isException ? EXCEPTION_LENGTH : 5 + third
  if (bytes.length < length) return fail({ kind: 'too_short', have: bytes.length, need: length })
  if (!hasValidCrc(bytes, 0, length)) return fail({ kind: 'crc' })
  if (unit !== request.unit) return fail({ kind: 'wrong_unit', unit })
  if (isException) return fail({ kind: 'exception', code: third })
  if (fn !== request.function) return fail({ kind: 'wrong_function', function: fn })
  const need = expectedDataLength(request.function, request.count)
  if (third !== need) return fail({ kind: 'wrong_length', have: third, need })
  return ok(bytes.slice(3, length - 2))
}

/** Whether the two bytes before `end` are the CRC of those from `start`. */
export function hasValidCrc(bytes: Uint8Array, start: number, end: number): boolean {
  const crc = crc16(bytes, start, end - 2)
  return bytes[end - 2] === (crc & 0xff) && bytes[end - 1] === crc >> 8
}
