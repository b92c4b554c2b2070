import { invariant } from '../invariant.js'
import { fromHex, toHex } from '../modbus/words.js'

/**
 * DL/T 645 frames: `FE… 68 A0..A5 68 C L DATA CS 16`. The address is twelve BCD digits, low byte first; every
 * DATA byte travels with 33H added; CS is the sum from the first 68 up to itself, mod 256.
 */
export type Dlt645Edition = '2007' | '1997'

/**
 * The control codes this program can send: read (2007: 11H, 1997: 01H), read following data 12H, read address 13H.
 * Writing, freezing, clearing and the relay (1CH opens a feeder's breaker) have no code here and cannot be encoded.
 */
export type Dlt645RequestControl = 0x01 | 0x11 | 0x12 | 0x13

/** Bit 7: from the meter; bit 6: refused; bit 5: more data follows. */
export const REPLY_BIT = 0x80
export const ERROR_BIT = 0x40
export const MORE_BIT = 0x20

/** Longest DATA of a read answer. */
export const DLT645_LONGEST_DATA = 200
/** Reaches the one meter on a line whatever its address. */
export const DLT645_WILDCARD = 'aaaaaaaaaaaa'
const START = 0x68
const END = 0x16
const OFFSET = 0x33
const WAKE_UP = 0xfe
/** Bytes before DATA and after it. */
const HEAD = 10
const TAIL = 2

/** Reads one data identifier: eight hex digits DI3..DI0 (1997: the last four count). */
export function encodeDlt645Read(address: string, di: string, edition: Dlt645Edition = '2007'): Uint8Array {
  return encodeRequest(address, edition === '1997' ? 0x01 : 0x11, identifierBytes(di, edition))
}

/** Asks for follow-up frame `sequence` (1..255) of an answer that said more follows. 2007 only. */
export function encodeDlt645ReadMore(address: string, di: string, sequence: number): Uint8Array {
  invariant(Number.isInteger(sequence) && sequence >= 1 && sequence <= 255, `no follow-up frame ${sequence}`)
  return encodeRequest(address, 0x12, Uint8Array.of(...identifierBytes(di, '2007'), sequence))
}

/** Asks the only meter on the line for its address. */
export function encodeDlt645ReadAddress(address: string = DLT645_WILDCARD): Uint8Array {
  return encodeRequest(address, 0x13, new Uint8Array(0))
}

function encodeRequest(address: string, control: Dlt645RequestControl, data: Uint8Array): Uint8Array {
  const frame = encodeBody(address, control, data)
  return Uint8Array.of(WAKE_UP, WAKE_UP, WAKE_UP, WAKE_UP, ...frame)
}

/** A meter's answer, for simulated meters. Bit 7 of `control` must be set: this cannot make a request. */
export function encodeDlt645Answer(address: string, control: number, data: Uint8Array, wakeUps = 4): Uint8Array {
  invariant((control & REPLY_BIT) !== 0 && control <= 0xff, `not an answer's control code: ${control}`)
  const frame = encodeBody(address, control, data)
  return Uint8Array.of(...new Uint8Array(wakeUps).fill(WAKE_UP), ...frame)
}

function encodeBody(address: string, control: number, data: Uint8Array): Uint8Array {
  invariant(/^[0-9aA]{12}$/.test(address), `not a DL/T 645 address: ${address}; 12 digits, A for any`)
  invariant(data.length <= DLT645_LONGEST_DATA, `too much data: ${data.length} bytes`)
  const frame = new Uint8Array(HEAD + data.length + TAIL)
  frame[0] = START
  frame.set(fromHex(address).reverse(), 1)
  frame[7] = START
  frame[8] = control
  frame[9] = data.length
  frame.set(
    data.map((byte) => (byte + OFFSET) & 0xff),
    HEAD,
  )
  frame[frame.length - 2] = checksum(frame, 0, frame.length - TAIL)
  frame[frame.length - 1] = END
  return frame
}

/** Identifier on the wire, low byte first. */
export function identifierBytes(di: string, edition: Dlt645Edition): Uint8Array {
  invariant(/^[0-9a-fA-F]{8}$/.test(di), `not a data identifier: ${di}; eight hex digits, e.g. 00010000`)
  return fromHex(edition === '1997' ? di.slice(4) : di).reverse()
}

function checksum(bytes: Uint8Array, start: number, end: number): number {
  let sum = 0
  for (let i = start; i < end; i++) sum = (sum + (bytes[i] ?? 0)) & 0xff
  return sum
}

/** A frame whose checksum and end mark hold. `address` as twelve digits, `data` with 33H taken off again. */
export interface Dlt645Frame {
  readonly address: string
  readonly control: number
  readonly data: Uint8Array
  /** Where the first 68 stands and where the frame ends in the bytes searched. */
  readonly start: number
  readonly end: number
}

/** The next frame in a stretch of bytes. `more`: one has begun. `badChecksums`: frames passed over on the way. */
export type Dlt645Cut =
  | { readonly kind: 'frame'; readonly frame: Dlt645Frame; readonly badChecksums: number }
  | { readonly kind: 'more'; readonly badChecksums: number }
  | { readonly kind: 'none'; readonly badChecksums: number }

/**
 * Finds the next whole frame from `from` on, over wake-up bytes and noise. Two 68 exactly seven apart mark a
 * start: a lone 68 may be data. A frame is closed by its length and 16H, never by silence (bytes may be 500 ms apart).
 */
export function cutDlt645Frame(bytes: Uint8Array, from = 0): Dlt645Cut {
  let badChecksums = 0
  let begun = false
  for (let start = from; start < bytes.length; start++) {
    if (bytes[start] !== START) continue
    const second = bytes[start + 7]
    if (second !== undefined && second !== START) continue
    const length = bytes[start + 9]
    if (length !== undefined && length > DLT645_LONGEST_DATA) continue
    const end = start + HEAD + (length ?? 0) + TAIL
    if (length === undefined || end > bytes.length) {
      begun = true
      continue
    }
    if (bytes[end - 1] !== END) continue
    if (bytes[end - 2] === checksum(bytes, start, end - TAIL))
      return { kind: 'frame', frame: frameAt(bytes, start, end), badChecksums }
    badChecksums += 1
  }
  return { kind: begun ? 'more' : 'none', badChecksums }
}

function frameAt(bytes: Uint8Array, start: number, end: number): Dlt645Frame {
  return {
    address: toHex(bytes.slice(start + 1, start + 7).reverse()),
    control: bytes[start + 8] ?? 0,
    data: bytes.slice(start + HEAD, end - TAIL).map((byte) => (byte - OFFSET) & 0xff),
    start,
    end,
  }
}
