import { type LineSettings, wireMs } from '../bus/line-port.js'
import type { SeenFrame } from './frames.js'

/** Bytes a floating pair or a switching driver adds to an answer. */
const STRAY_ALLOWED = 8
/** Bytes a damaged answer may lack. */
const SHORT_ALLOWED = 2

/** Whole answers of a unit. What a gateway says of a unit it cannot reach is none of them. */
export function heardOf(frames: readonly SeenFrame[], unit: string): number {
  return frames.filter((frame) => isFrom(frame, unit) && !isGateways(frame)).length
}

const isGateways = ({ kind, unit, hex }: SeenFrame): boolean =>
  kind === 'refusal' && unit?.startsWith('modbus:') === true && ['0a', '0b'].includes(hex.slice(4, 6))

/** Questions to a unit that more came back to than one answer: two whole ones, or clearly more bytes than one has. */
export function crowdedOf(frames: readonly SeenFrame[], unit: string): number {
  return exchangesOf(frames, unit).filter(({ question, back }) => {
    const whole = back.filter((frame) => isFrom(frame, unit)).length
    return whole > 1 || (isBegun(question, back) && bytesOf(back) > answerLength(question, back) + STRAY_ALLOWED)
  }).length
}

/**
 * The share, of 1, of what came back to questions to a unit that has the shape of its answer, damaged or not: it is as long, or
 * begins as it should and is no shorter. Two units that answer at once keep this shape; garbage and answers cut off have it not.
 */
export function shapedOf(frames: readonly SeenFrame[], unit: string): number {
  const exchanges = exchangesOf(frames, unit).filter(({ back }) => back.length > 0)
  const shaped = exchanges.filter(({ question, back }) => {
    const same = exchanges.filter((each) => each.question.hex === question.hex).map((each) => bytesOf(each.back))
    const length = answerLength(question, back)
    const more = bytesOf(back) - (Number.isFinite(length) || isBegun(question, back) ? length : median(same))
    return isBegun(question, back) ? more >= -SHORT_ALLOWED : Math.abs(more) <= SHORT_ALLOWED
  })
  return exchanges.length === 0 ? 0 : shaped.length / exchanges.length
}

const bytesOf = (frames: readonly SeenFrame[]): number => frames.reduce((sum, { hex }) => sum + hex.length / 2, 0)
const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0

/** Questions to a unit that came back as a whole answer or refusal of a unit nobody asks on this line, and who those are. */
export function foreignOf(
  frames: readonly SeenFrame[],
  unit: string,
  asked: readonly string[],
): { readonly count: number; readonly units: readonly string[] } {
  const strangers = exchangesOf(frames, unit).flatMap(({ back }) => {
    const stranger = back.find(({ kind, unit: from }) => isWhole(kind) && from && !asked.includes(from))
    return stranger?.unit === undefined ? [] : [stranger.unit]
  })
  return { count: strangers.length, units: [...new Set(strangers)] }
}

/** Questions to a unit whose echo came back, whole or a piece of it, and those whose answer other bytes came with. */
export function besideOf(
  frames: readonly SeenFrame[],
  unit: string,
): { readonly echoes: number; readonly strays: number } {
  let [echoes, strays] = [0, 0]
  for (const { question, back, isEchoed } of exchangesOf(frames, unit)) {
    const beside = back.filter(({ kind }) => kind === 'stray')
    if (isEchoed || beside.some((frame) => isPieceOf(frame, question))) echoes += 1
    // Without a whole answer, stray bytes may be what is left of one.
    else if (beside.length > 0 && back.some((frame) => isFrom(frame, unit))) strays += 1
  }
  return { echoes, strays }
}

/** Bytes that a floating pair gives, or that precede any frame, are no sign of an echo. */
function isPieceOf({ hex }: SeenFrame, question: SeenFrame): boolean {
  const bytes = Buffer.from(hex, 'hex')
  const isTelling = bytes.some((byte) => byte !== 0 && byte !== 0xff && byte !== 0xfe)
  return bytes.length >= 2 && isTelling && Buffer.from(question.hex, 'hex').includes(bytes)
}

interface Exchange {
  readonly question: SeenFrame
  /** What came before the next question, without the echo. */
  readonly back: readonly SeenFrame[]
  readonly isEchoed: boolean
}

function exchangesOf(frames: readonly SeenFrame[], unit: string): Exchange[] {
  return [...frames.entries()].flatMap(([index, question]) => {
    if (question.direction !== 'out' || question.unit !== unit) return []
    const rest = frames.slice(index + 1)
    const end = rest.findIndex(({ direction }) => direction === 'out')
    const came = end < 0 ? rest : rest.slice(0, end)
    const back = came.filter(({ kind }) => kind !== 'echo')
    return [{ question, back, isEchoed: back.length < came.length }]
  })
}

function isBegun(question: SeenFrame, back: readonly SeenFrame[]): boolean {
  return beginOf(question, joined(back)) >= 0
}

/** Where in what came the answer begins; -1: nowhere. */
function beginOf({ unit, hex }: SeenFrame, came: Buffer): number {
  const bytes = Buffer.from(hex, 'hex')
  return came.indexOf(
    unit?.startsWith('modbus:')
      ? Buffer.of(bytes[0] ?? 0, bytes[1] ?? 0, dataBytes(bytes))
      : bytes.subarray(bytes.indexOf(0x68), bytes.indexOf(0x68) + 8),
  )
}

const joined = (frames: readonly SeenFrame[]): Buffer => Buffer.from(frames.map(({ hex }) => hex).join(''), 'hex')

/** Bytes of the answer a question asks for; a DL/T 645 meter decides that itself, and says it in the tenth byte of its frame. */
function answerLength(question: SeenFrame, back: readonly SeenFrame[]): number {
  if (question.unit?.startsWith('modbus:')) return 5 + dataBytes(Buffer.from(question.hex, 'hex'))
  const came = joined(back)
  const begin = beginOf(question, came)
  const data = begin < 0 ? undefined : came[begin + 9]
  return data === undefined ? Number.POSITIVE_INFINITY : begin + 12 + data
}

function dataBytes(question: Buffer): number {
  const count = (question[4] ?? 0) * 256 + (question[5] ?? 0)
  return (question[1] ?? 0) <= 2 ? Math.ceil(count / 8) : 2 * count
}

/**
 * Answers of a unit that came too late: longer after their question than was waited for, perhaps while the next one stood, which
 * shows by length or identifier. An answer nobody owed is none of these: a second unit gave it.
 */
export function lateOf(frames: readonly SeenFrame[], unit: string, waitMs: number, settings: LineSettings): number {
  let owed: SeenFrame[] = []
  let late = 0
  for (const frame of frames) {
    if (frame.direction === 'out' && frame.unit === unit) owed.push(frame)
    if (frame.direction === 'out' || !isFrom(frame, unit)) continue
    const newest = owed.at(-1)
    const question = newest && answers(frame, newest) ? newest : owed.find((each) => answers(frame, each))
    if (!question) continue
    if (question !== newest || isAfter(frame, question, waitMs, settings)) late += 1
    // A unit answers in order: what was asked before this will not be answered any more.
    owed = owed.slice(owed.indexOf(question) + 1)
  }
  return late
}

function isAfter(answer: SeenFrame, question: SeenFrame, waitMs: number, settings: LineSettings): boolean {
  const sent = question.atMs + wireMs(question.hex.length / 2, settings)
  return answer.atMs - sent > waitMs + wireMs(2, settings)
}

const isWhole = (kind: SeenFrame['kind']): boolean => kind === 'answer' || kind === 'refusal'

const isFrom = ({ kind, unit }: SeenFrame, wanted: string): boolean => isWhole(kind) && unit === wanted

/** Whether this answer has the form the question asked for. */
function answers(answer: SeenFrame, question: SeenFrame): boolean {
  const [a, q] = [Buffer.from(answer.hex, 'hex'), Buffer.from(question.hex, 'hex')]
  if (answer.kind === 'refusal') return true
  if (!answer.unit?.startsWith('modbus:')) return identifier(a) === identifier(q)
  return a[1] === q[1] && a[2] === dataBytes(q)
}

/** The four bytes of a DL/T 645 data identifier as they travel; requests and answers have it in the same place. */
function identifier(frame: Buffer): string {
  const start = frame.indexOf(0x68)
  return frame.subarray(start + 10, start + 14).toString('hex')
}
