import type { EpochMs, MonoMs, Result } from '@metergate/protocol'
import type { BusFault } from './bus-fault.js'

/** Reads `count` registers (functions 3, 4) or bits (1, 2) of one Modbus unit from a 0-based address. */
export interface ModbusRead {
  readonly protocol: 'modbus'
  readonly unit: number
  readonly function: 1 | 2 | 3 | 4
  readonly address: number
  readonly count: number
}

/** Reads one DL/T 645 data identifier; `address` has 12 digits (A = wildcard), `di` eight hex digits DI3..DI0. */
export interface Dlt645Read {
  readonly protocol: 'dlt645'
  readonly address: string
  readonly di: string
  readonly edition?: '2007' | '1997'
  /** `address`: asks for the meter's own address (control code 13H, `di` is not sent); data = its 6 bytes, low byte first. */
  readonly ask?: 'data' | 'address'
}

export type BusRead = ModbusRead | Dlt645Read

/** A checked answer. */
export interface BusAnswer {
  /** Modbus 3/4: 2 × count bytes as on the wire. Modbus 1/2: packed bits. DL/T 645: data after the identifier, +33H removed, as on the wire. */
  readonly data: Uint8Array
  /** When its last byte was taken. */
  readonly at: { readonly mono: MonoMs; readonly wall: EpochMs }
  /** From the last byte sent to the first byte heard, and to the whole answer. */
  readonly turnaroundMs: number
  readonly durationMs: number
}

/**
 * One line with one talker. Requests are carried out one at a time in the order asked; a fault is a value.
 * No answer to another request is ever returned, whatever its unit, function and length (see LineGuard).
 */
export interface RegisterBus {
  read(request: BusRead, signal?: AbortSignal): Promise<Result<BusAnswer, BusFault>>
  /** Counters by fault kind for the line and each unit, and whether the line is open. */
  health(): BusHealth
  close(): Promise<void>
}

export interface BusHealth {
  readonly open: boolean
  readonly why?: string
  readonly line: BusCounters
  readonly units: ReadonlyMap<string, UnitHealth>
}

export interface UnitHealth extends BusCounters {
  /** Time-out now in force, adapted from measured turnarounds. */
  readonly timeoutMs: number
  readonly turnaroundMs: number | undefined
}

export interface BusCounters {
  readonly requests: number
  readonly good: number
  readonly timeout: number
  readonly crc: number
  readonly bad_frame: number
  readonly exception: number
  readonly line_down: number
  /** Bytes that belonged to no answer: noise, echo, late answers. */
  readonly stray_bytes: number
  readonly echoes: number
  readonly late_answers: number
  readonly resyncs: number
}
