import type { MonoMs, Result, SerialFormat } from '@metergate/protocol'

/** Speed and character format of a line. */
export interface LineSettings {
  readonly baud: number
  readonly format: SerialFormat
}

export const sameSettings = (a: LineSettings, b: LineSettings): boolean => a.baud === b.baud && a.format === b.format

/** `9600 8N1` */
export const settingsText = ({ baud, format }: LineSettings): string => `${baud} ${format}`

/** Each speed and format once, in the order of the list. */
export function distinctSettings(list: readonly LineSettings[]): LineSettings[] {
  return list
    .map(({ baud, format }) => ({ baud, format }))
    .filter((settings, index, all) => all.findIndex((each) => sameSettings(each, settings)) === index)
}

/** Why a line cannot be used now, in words for the person at the box. */
export interface LineDown {
  readonly kind: 'line_down'
  readonly why: string
}

/** Who hears the line. `at` is the monotonic instant at which the bytes were handed over. */
export interface LineListener {
  readonly onData: (bytes: Uint8Array, at: MonoMs) => void
  /** The line went away (unplugged, connection lost); `open` may bring it back. */
  readonly onDown: (why: string) => void
}

/**
 * Bytes out, bytes in, with the instants they came: a serial port, a TCP socket, or a line that lives in a test.
 * Chunks mean nothing: one answer may come in many, two answers in one.
 */
export interface LinePort {
  /** Which discipline to keep: a wire has speed and silences, a socket forgets late answers when it is opened anew. */
  readonly nature: 'serial' | 'socket'
  /** Opens the line, or opens it again with other settings. Calling it on an open line with the same settings does nothing. */
  open(settings: LineSettings, listener: LineListener): Promise<Result<void, LineDown>>
  /**
   * Resolves when the bytes are on their way (handed to the driver or the socket). `answerLength`: bytes the answer will have, so that
   * a port need not hand over every few of them until they are all there (never later than 100 ms after they came).
   */
  write(bytes: Uint8Array, answerLength?: number): Promise<Result<void, LineDown>>
  /**
   * Lets everything that has already arrived reach `onData`. Asked before a time-out is believed, because a timer
   * that fires after a blocked event loop runs before the bytes that came meanwhile.
   */
  look(): Promise<void>
  /** Resolves when everything written has left. */
  drain(): Promise<void>
  close(): Promise<void>
}

/** Bits of one character on the wire: start, 8 data, parity or second stop bit, stop. */
export function bitsPerCharacter(format: SerialFormat): 10 | 11 {
  return format === '8N1' ? 10 : 11
}

/** Milliseconds `count` characters take on the wire. */
export function wireMs(count: number, settings: LineSettings): number {
  return (count * bitsPerCharacter(settings.format) * 1000) / settings.baud
}

/**
 * The silence before a frame: 3.5 characters of 11 bits up to 19200 baud, 1.75 ms above
 * (MODBUS over serial line V1.02, 2.5.1.1).
 */
export function silenceMs(baud: number): number {
  return baud <= 19200 ? (3.5 * 11 * 1000) / baud : 1.75
}
