import type { FuzzProtocol } from './bus-mutations.js'
import { addressOf, diOf, type RigRead } from './bus-truth.js'

/**
 * Whether `data` may be taken for the answer to `read`: somewhere in what came since the question was sent stands a frame with the right
 * head, this data, and a right check. No receiver can tell such a frame from an honest one, as the wire says nothing else. Written apart
 * from the protocol package, so that a mistake there is not repeated here.
 */
export function isProven(
  protocol: FuzzProtocol,
  read: RigRead,
  data: Uint8Array,
  heard: readonly number[],
  request: Uint8Array,
): boolean {
  switch (protocol) {
    case 'modbus':
      return contains(heard, rtuFrame(read, data))
    case 'dlt645':
      return contains(heard, dlt645Frame(read, data))
    case 'modbus_tcp':
      return tcpFrames(heard).some((frame) => same(frame, tcpFrame(read, data, request)))
  }
}

function rtuFrame({ unit, function: fn, count }: RigRead, data: Uint8Array): number[] {
  const body = [unit, fn, 2 * count, ...data]
  let crc = 0xffff
  for (const byte of body) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1
  }
  return [...body, crc & 0xff, crc >>> 8]
}

function dlt645Frame({ unit, block }: RigRead, data: Uint8Array): number[] {
  const lowFirst = (hex: string): number[] => [...Buffer.from(hex, 'hex')].reverse()
  const load = [...lowFirst(diOf(block)), ...data].map((byte) => (byte + 0x33) & 0xff)
  const body = [0x68, ...lowFirst(addressOf(unit)), 0x68, 0x91, load.length, ...load]
  return [...body, body.reduce((sum, byte) => (sum + byte) % 256, 0), 0x16]
}

/** The answer's transaction is the request's. */
function tcpFrame({ unit, function: fn, count }: RigRead, data: Uint8Array, request: Uint8Array): number[] {
  return [request[0] ?? 0, request[1] ?? 0, 0, 0, 0, 3 + data.length, unit, fn, 2 * count, ...data]
}

/** A stream is read from its beginning, frame by frame: what a length covers is never looked into. */
function tcpFrames(heard: readonly number[]): number[][] {
  const frames: number[][] = []
  for (let at = 0; at + 6 <= heard.length; ) {
    const end = at + 6 + (heard[at + 4] ?? 0) * 256 + (heard[at + 5] ?? 0)
    frames.push(heard.slice(at, end))
    at = end
  }
  return frames
}

const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((byte, index) => byte === b[index])

function contains(heard: readonly number[], frame: readonly number[]): boolean {
  for (let at = 0; at + frame.length <= heard.length; at += 1)
    if (frame.every((byte, index) => byte === heard[at + index])) return true
  return false
}
