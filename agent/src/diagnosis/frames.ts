import { crc16, cutDlt645Frame, type Dlt645Frame } from '@metergate/protocol'
import { FRAMES } from '../i18n/doctor-texts.js'
import type { Localized } from '../i18n/localized.js'
import type { Tapped } from './tapped-line.js'

/** A stretch of bytes and what it is. `stray`: part of no frame. */
export interface SeenFrame {
  readonly atMs: number
  readonly direction: 'out' | 'in'
  readonly kind: 'request' | 'echo' | 'answer' | 'refusal' | 'stray'
  /** `modbus:5`, `dlt645:000000000161`; absent for stray bytes. */
  readonly unit?: string
  readonly hex: string
  readonly text: Localized
}

/** Cuts what passed into frames: by length and check, as far as they can be understood without knowing the question. */
export function framesOf(tape: readonly Tapped[]): SeenFrame[] {
  const frames: SeenFrame[] = []
  let request: Uint8Array | undefined
  for (const { atMs, direction, bytes } of joined(tape)) {
    if (direction === 'out') {
      request = bytes
      frames.push(...cut(bytes, atMs, 'out', undefined))
    } else frames.push(...cut(bytes, atMs, 'in', request))
  }
  return frames
}

/** Chunks between two requests belong together: adapters hand over in pieces. */
function joined(tape: readonly Tapped[]): Tapped[] {
  const whole: { atMs: number; direction: Tapped['direction']; bytes: Uint8Array }[] = []
  for (const { atMs, direction, bytes } of tape) {
    const last = whole.at(-1)
    if (last && last.direction === 'in' && direction === 'in') last.bytes = Uint8Array.of(...last.bytes, ...bytes)
    else whole.push({ atMs, direction, bytes })
  }
  return whole
}

function cut(bytes: Uint8Array, atMs: number, direction: 'out' | 'in', request: Uint8Array | undefined): SeenFrame[] {
  const frames: SeenFrame[] = []
  let strayFrom = 0
  let at = 0
  const flush = (until: number): void => {
    if (until > strayFrom) frames.push(stray(bytes.slice(strayFrom, until), atMs, direction))
  }
  while (at < bytes.length) {
    const found = frameAt(bytes, at, direction, request)
    if (!found) {
      at += 1
      continue
    }
    flush(at)
    const hex = toHex(bytes.slice(at, found.end))
    frames.push({ atMs, direction, kind: found.kind, unit: found.unit, hex, text: found.text })
    at = found.end
    strayFrom = at
  }
  flush(bytes.length)
  return frames
}

interface Found {
  readonly kind: Exclude<SeenFrame['kind'], 'stray'>
  readonly end: number
  readonly unit: string
  readonly text: Localized
}

function frameAt(
  bytes: Uint8Array,
  at: number,
  direction: 'out' | 'in',
  request: Uint8Array | undefined,
): Found | undefined {
  const isEcho = direction === 'in' && request !== undefined && startsWith(bytes, at, request)
  const asked = direction === 'out' || isEcho ? 'question' : 'any'
  const found = dlt645At(bytes, at) ?? modbusAt(bytes, at, asked)
  return found && isEcho ? { ...found, kind: 'echo', text: FRAMES.echo(found.text) } : found
}

function dlt645At(bytes: Uint8Array, at: number): Found | undefined {
  if (bytes[at] !== 0xfe && bytes[at] !== 0x68) return undefined
  const found = cutDlt645Frame(bytes, at)
  if (found.kind !== 'frame') return undefined
  const { frame } = found
  for (let i = at; i < frame.start; i++) if (bytes[i] !== 0xfe) return undefined
  return {
    kind: dlt645Kind(frame),
    end: frame.end,
    unit: `dlt645:${frame.address.toUpperCase()}`,
    text: dlt645Text(frame),
  }
}

const dlt645Kind = ({ control }: Dlt645Frame): Found['kind'] =>
  (control & 0x80) === 0 ? 'request' : (control & 0x40) !== 0 ? 'refusal' : 'answer'

function dlt645Text(frame: Dlt645Frame): Localized {
  const width = (frame.control & 0x1f) === 1 ? 2 : 4
  const di = (frame.control & 0x1f) === 0x13 ? '' : toHex(frame.data.slice(0, width).reverse())
  const control = frame.control.toString(16).toUpperCase().padStart(2, '0')
  return FRAMES.dlt645(frame.address.toUpperCase(), control, di, frame.data.length)
}

/** `question`: our own bytes, so eight of them are a request and not an answer that happens to look alike. */
function modbusAt(bytes: Uint8Array, at: number, asked: 'question' | 'any'): Found | undefined {
  const [unit, fn, third] = [bytes[at], bytes[at + 1], bytes[at + 2]]
  if (unit === undefined || fn === undefined || third === undefined) return undefined
  const key = `modbus:${unit}`
  const isRead = fn >= 1 && fn <= 4
  if (asked === 'any' && isRead && third > 0 && isWhole(bytes, at, 5 + third))
    return { kind: 'answer', end: at + 5 + third, unit: key, text: FRAMES.modbusAnswer(unit, fn, third) }
  if (asked === 'any' && fn >= 0x81 && fn <= 0x97 && isWhole(bytes, at, 5))
    return { kind: 'refusal', end: at + 5, unit: key, text: FRAMES.modbusRefusal(unit, fn & 0x7f, third) }
  if ((isRead || fn === 5 || fn === 6) && isWhole(bytes, at, 8)) {
    const word = (index: number): number => (bytes[at + index] ?? 0) * 256 + (bytes[at + index + 1] ?? 0)
    const text = isRead
      ? FRAMES.modbusRequest(unit, fn, hexWord(word(2)), word(4))
      : FRAMES.modbusWrite(unit, fn, hexWord(word(2)))
    return { kind: 'request', end: at + 8, unit: key, text }
  }
  return undefined
}

function isWhole(bytes: Uint8Array, start: number, length: number): boolean {
  const end = start + length
  if (end > bytes.length) return false
  const crc = crc16(bytes, start, end - 2)
  return bytes[end - 2] === (crc & 0xff) && bytes[end - 1] === crc >> 8
}

function stray(bytes: Uint8Array, atMs: number, direction: 'out' | 'in'): SeenFrame {
  return { atMs, direction, kind: 'stray', hex: toHex(bytes), text: FRAMES.stray(bytes.length) }
}

function startsWith(bytes: Uint8Array, at: number, prefix: Uint8Array): boolean {
  return prefix.length > 0 && at + prefix.length <= bytes.length && prefix.every((byte, i) => bytes[at + i] === byte)
}

const hexWord = (value: number): string => `0x${value.toString(16).toUpperCase().padStart(4, '0')}`
const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
