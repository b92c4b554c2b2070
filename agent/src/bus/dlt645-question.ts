import {
  cutDlt645Frame,
  DLT645_LONGEST_DATA,
  type Dlt645Frame,
  encodeDlt645Read,
  encodeDlt645ReadAddress,
  encodeDlt645ReadMore,
  matchesAddress,
} from '@metergate/protocol'
import type { Expects, OpenEnd, Question, Scan, Sighting } from './question.js'
import { unitKey } from './question.js'
import type { Dlt645Read } from './register-bus.js'

const REPLY_BIT = 0x80
const ERROR_BIT = 0x40
const MORE_BIT = 0x20
const SHORTEST = 12
/** The standard allows 500 ms between two bytes (Tb); no known meter pauses, and a cut-off answer should not hold the line so long. */
const GAP_MS = 300
/** No wake-up bytes, identifier and one byte of data: what an answer takes on the wire at least. */
const LEAST_ANSWER = SHORTEST + 5
/** Four wake-up bytes and as much data as a frame can hold. */
const LONGEST_ANSWER = 4 + SHORTEST + DLT645_LONGEST_DATA
const WAKE_UP = 0xfe

/** A DL/T 645 read, or follow-up frame `sequence` of it, as the guard needs it. */
export function dlt645Question(read: Dlt645Read, sequence?: number): Question {
  const unit = unitKey(read)
  const { bytes, shape, refusal } = encode(read, sequence)
  return {
    unit,
    bytes,
    shape,
    refusal,
    answerLength: LEAST_ANSWER,
    longestAnswer: LONGEST_ANSWER,
    shortest: SHORTEST,
    gapMs: GAP_MS,
    outwaitsNoise: false,
    namesRegister: true,
    scan: (heard, expects) => scanDlt645(heard, { read, unit, shape, refusal }, expects),
  }
}

function encode(read: Dlt645Read, sequence: number | undefined): { bytes: Uint8Array; shape: string; refusal: string } {
  if (read.ask === 'address') return { bytes: encodeDlt645ReadAddress(read.address), shape: '19/', refusal: '19!' }
  const edition = read.edition ?? '2007'
  if (sequence !== undefined)
    return {
      bytes: encodeDlt645ReadMore(read.address, read.di, sequence),
      shape: `18/${read.di.toLowerCase()}/${sequence}`,
      refusal: '18!',
    }
  const fn = edition === '1997' ? 0x01 : 0x11
  const di = edition === '1997' ? read.di.slice(4) : read.di
  return {
    bytes: encodeDlt645Read(read.address, read.di, edition),
    shape: `${fn}/${di.toLowerCase()}`,
    refusal: `${fn}!`,
  }
}

interface Wanted {
  readonly read: Dlt645Read
  readonly unit: string
  readonly shape: string
  readonly refusal: string
}

/** Finds DL/T 645 frames: own echo (bit 7 of the control code is clear), answers and refusals, damaged and unfinished ones. */
function scanDlt645(bytes: Uint8Array, wanted: Wanted, expects: Expects): Scan {
  const sightings: Sighting[] = []
  let from = 0
  let damaged = false
  for (;;) {
    const cut = cutDlt645Frame(bytes, from)
    damaged ||= cut.badChecksums > 0
    if (cut.kind !== 'frame') {
      // Wake-up bytes and nothing yet behind them are the beginning of an answer, too.
      const begun = cut.kind === 'more' || (bytes.length > from && bytes.at(-1) === WAKE_UP)
      return { sightings, open: openEnd(begun, damaged, bytes.length, from) }
    }
    sightings.push(sightingOf({ ...cut.frame, start: withWakeUps(bytes, cut.frame.start, from) }, wanted, expects))
    from = cut.frame.end
    damaged = false
  }
}

/** Wake-up bytes (FEH) before a frame belong to it. */
function withWakeUps(bytes: Uint8Array, start: number, from: number): number {
  let begin = start
  while (begin > from && bytes[begin - 1] === WAKE_UP) begin -= 1
  return begin
}

function openEnd(begun: boolean, damaged: boolean, length: number, start: number): OpenEnd | undefined {
  if (begun) return { kind: 'partial', start, need: length + 1 }
  return damaged ? { kind: 'crc', start, need: length + 1 } : undefined
}

function sightingOf(frame: Dlt645Frame, wanted: Wanted, expects: Expects): Sighting {
  if ((frame.control & REPLY_BIT) === 0) return { kind: 'echo', start: frame.start, end: frame.end }
  const fn = frame.control & 0x1f
  const { shape, data } = shapeAndData(frame, fn)
  const real = `dlt645:${frame.address.toUpperCase()}`
  // Asked by wildcard, a late answer of a meter asked by name before is still that meter's.
  const isMine = matchesAddress(frame.address, wanted.read.address) && (real === wanted.unit || !expects(real, shape))
  return {
    kind: frame.control & ERROR_BIT ? 'refusal' : 'answer',
    start: frame.start,
    end: frame.end,
    unit: isMine ? wanted.unit : real,
    shape,
    data,
    code: frame.control & ERROR_BIT ? (frame.data[0] ?? 0) : 0,
    more: (frame.control & MORE_BIT) !== 0,
  }
}

/** The identifier comes first in the data, low byte first; a follow-up frame ends with its sequence number. */
function shapeAndData({ control, data }: Dlt645Frame, fn: number): { shape: string; data: Uint8Array } {
  if (control & ERROR_BIT) return { shape: `${fn}!`, data: new Uint8Array(0) }
  if (fn === 0x13) return { shape: '19/', data }
  const width = fn === 0x01 ? 2 : 4
  const di = hex(data.slice(0, width).reverse())
  if (fn !== 0x12) return { shape: `${fn}/${di}`, data: data.slice(width) }
  return { shape: `18/${di}/${data.at(-1) ?? 0}`, data: data.slice(width, -1) }
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
