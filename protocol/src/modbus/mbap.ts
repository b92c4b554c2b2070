import { invariant } from '../invariant.js'
import { fail, ok, type Result } from '../result.js'
import { encodeReadRequest, expectedDataLength, type ReadRequest, type ReplyFault } from './frame.js'

/** Modbus TCP header: transaction id, protocol id 0, length, unit (MODBUS Messaging on TCP/IP V1.0b, 3.1.3). */
export const MBAP_LENGTH = 7
const LONGEST_PDU = 253

/** A whole Modbus TCP read request of 12 bytes. */
export function encodeTcpReadRequest(transaction: number, request: ReadRequest): Uint8Array {
  invariant(Number.isInteger(transaction) && transaction >= 0 && transaction <= 0xffff, `transaction ${transaction}`)
  const rtu = encodeReadRequest(request.unit, request.function, request.address, request.count)
  const unitAndPdu = rtu.subarray(0, rtu.length - 2)
  return Uint8Array.of(transaction >> 8, transaction & 0xff, 0, 0, 0, unitAndPdu.length, ...unitAndPdu)
}

/** A frame cut out of a TCP stream. */
export interface TcpFrame {
  readonly transaction: number
  readonly unit: number
  readonly pdu: Uint8Array
}

/** What the start of a TCP stream holds: a frame and where the next begins, too little yet, or no Modbus at all. */
export type TcpCut =
  | { readonly kind: 'frame'; readonly frame: TcpFrame; readonly next: number }
  | { readonly kind: 'more' }
  | { readonly kind: 'garbage' }

/** Cuts the first frame off a stream. `garbage` cannot be skipped over: the connection must be closed. */
export function cutTcpFrame(bytes: Uint8Array): TcpCut {
  if (bytes.length < 6) return { kind: 'more' }
  const word = (at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
  const length = word(4)
  if (word(2) !== 0 || length < 3 || length > LONGEST_PDU + 1) return { kind: 'garbage' }
  const next = 6 + length
  if (bytes.length < next) return { kind: 'more' }
  return {
    kind: 'frame',
    frame: { transaction: word(0), unit: bytes[6] ?? 0, pdu: bytes.slice(MBAP_LENGTH, next) },
    next,
  }
}

/** The data of a TCP frame answering `request`; the transaction id is the caller's to compare. */
export function parseTcpReply(frame: TcpFrame, request: ReadRequest): Result<Uint8Array, ReplyFault> {
  const [fn, second] = frame.pdu
  if (fn === undefined || second === undefined) return fail({ kind: 'too_short', have: frame.pdu.length, need: 2 })
  if (frame.unit !== request.unit) return fail({ kind: 'wrong_unit', unit: frame.unit })
  if (fn === (request.function | 0x80)) return fail({ kind: 'exception', code: second })
  if (fn !== request.function) return fail({ kind: 'wrong_function', function: fn })
  const need = expectedDataLength(request.function, request.count)
  if (second !== need || frame.pdu.length !== 2 + need)
    return fail({ kind: 'wrong_length', have: frame.pdu.length - 2, need })
  return ok(frame.pdu.slice(2))
}
