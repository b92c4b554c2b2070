import type { Random } from '@metergate/protocol'
import type { SerialSettings } from './timing.js'

/** A device on the line. */
export interface Station {
  /** As faults and reports name it. */
  readonly name: string
  readonly settings: SerialSettings
  readonly turnaroundMs: number
  /**
   * Hears everything between two silences. Gives a function that makes the answer with the values of the instant
   * it is called at, or undefined when this is not for it. `strict`: the frame must be a request and nothing else.
   */
  hear(frame: Uint8Array, strict: boolean): ((epochMs: number) => Uint8Array) | undefined
  /** Puts the right checksum behind a frame whose last bytes are an old one: for faults that must look genuine. */
  reseal(frame: Uint8Array): Uint8Array
  /** Where the address (its first byte) and the function or control code stand in an answer. */
  unitAt(frame: Uint8Array): number
  functionAt(frame: Uint8Array): number
  /** The answer this station would give to refuse what `frame` answers. */
  refusal(frame: Uint8Array, code: number): Uint8Array
  /** Bytes of data an answer carries; none for a refusal. */
  dataBytes(frame: Uint8Array): number
  /** What a second device with this address, and other values, would answer where this one answers `frame`. */
  double(frame: Uint8Array, random: Random): Uint8Array
}
