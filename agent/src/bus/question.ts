import type { Dlt645Read, ModbusRead } from './register-bus.js'

/** Names one device on a line: `modbus:5`, `dlt645:000000000161`. */
export type UnitKey = string

/** The device a read is for. */
export function unitKey(
  read: Pick<ModbusRead, 'protocol' | 'unit'> | Pick<Dlt645Read, 'protocol' | 'address'>,
): UnitKey {
  return read.protocol === 'modbus' ? `modbus:${read.unit}` : `dlt645:${read.address.toUpperCase()}`
}

/** The protocol that a unit's key names. */
export const protocolOf = (unit: UnitKey): 'modbus' | 'dlt645' => (unit.startsWith('dlt645:') ? 'dlt645' : 'modbus')

/** A whole frame found among the bytes heard. `start` and `end` are offsets. */
export type Sighting =
  | { readonly kind: 'echo'; readonly start: number; readonly end: number }
  | {
      readonly kind: 'answer' | 'refusal'
      readonly start: number
      readonly end: number
      readonly unit: UnitKey
      readonly shape: string
      /** The data of an answer; empty for a refusal. */
      readonly data: Uint8Array
      /** The exception or error code of a refusal. */
      readonly code: number
      /** DL/T 645: the answer goes on in a follow-up frame. */
      readonly more: boolean
    }

/** What stands open at the end of the bytes: the beginning of an answer, or a whole one whose check failed. */
export interface OpenEnd {
  readonly kind: 'partial' | 'crc'
  readonly start: number
  /** Bytes that must lie in the inbox before looking again is worth it. */
  readonly need: number
}

export interface Scan {
  readonly sightings: readonly Sighting[]
  readonly open: OpenEnd | undefined
}

/** Whether an answer of this shape may come from this unit: the question's own, or one still unanswered. */
export type Expects = (unit: UnitKey, shape: string) => boolean

/**
 * A request on its way, whatever the protocol. Its *shape* is everything an answer's frame says about the question:
 * for Modbus RTU unit, function and byte count, for DL/T 645 address and data identifier. The frame of a refusal says less.
 */
export interface Question {
  readonly unit: UnitKey
  readonly bytes: Uint8Array
  readonly shape: string
  readonly refusal: string
  /** Bytes of the whole normal answer, or the fewest it can have; for the time it takes on the wire. */
  readonly answerLength: number
  /** Bytes of the longest answer it can have. */
  readonly longestAnswer: number
  /** Fewest bytes that can be a whole answer. */
  readonly shortest: number
  /** The silence inside a frame after which the rest is not coming, in milliseconds. */
  readonly gapMs: number
  /**
   * An answer that broke off is waited out until the time-out, as it may have been noise. Not in DL/T 645: there the gap is most of
   * the time-out, and the rest of it would keep a line from being well again within a second of a late answer.
   */
  readonly outwaitsNoise: boolean
  /** The answer itself names the register, so an older answer to the same question is still this register's value. */
  readonly namesRegister: boolean
  /**
   * Finds frames in `bytes`, leftmost first. Stops at the beginning of an expected answer that is not complete,
   * so that nothing inside it is mistaken for a frame; with `final` it goes on past it, as no more will come.
   */
  scan(bytes: Uint8Array, expects: Expects, final: boolean): Scan
}
