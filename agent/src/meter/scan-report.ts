import { z } from 'zod'
import type { LineSettings } from '../bus/line-port.js'
import type { Identification } from './identify.js'

/** Where a unit answers. A DL/T 645-1997 meter does not tell its address: it stands on its plate. */
export type UnitAddress =
  | { readonly protocol: 'modbus'; readonly unit: number }
  | { readonly protocol: 'dlt645'; readonly address: string | undefined }

/** Somebody who answered, and who that is. */
export interface FoundUnit {
  readonly port: string
  readonly settings: LineSettings
  readonly at: UnitAddress
  readonly turnaroundMs: number
  readonly identification: Identification
  /** Ratios set in the meter itself, where its values leave them out and its model has registers for them. */
  readonly ratios?: SetRatios
  /** More answers came than questions were put: two meters share this address, and the name is that of either, or of neither. */
  readonly isCrowded?: true
}

/** Ratios set in a meter itself; absent: the model has no register, or it did not answer. */
export const setRatiosSchema = z.object({ ct: z.number().optional(), pt: z.number().optional() }).readonly()
export type SetRatios = z.infer<typeof setRatiosSchema>

/** Bytes that are no answer: two units on one address, other settings, or a bad line. */
export interface Garbled {
  readonly port: string
  readonly settings: LineSettings
  readonly at: UnitAddress
  /** Hex of what was heard, for the ticket. */
  readonly received: string
}

/** A port that could not be scanned, or not to the end. `babble`: somebody else talks on this line. */
export interface PortTrouble {
  readonly port: string
  readonly kind: 'line_down' | 'babble'
  readonly why: string
}

export interface ScanReport {
  readonly found: readonly FoundUnit[]
  readonly garbled: readonly Garbled[]
  readonly troubles: readonly PortTrouble[]
  /** Questions put while searching, and reads put to name what was found. */
  readonly probes: number
  readonly reads: number
  readonly durationMs: number
  /** Everything planned was tried; false when it was stopped early. */
  readonly complete: boolean
}

/** How far the scan is. `etaMs` assumes that nobody else answers: each further meter adds the seconds it takes to name it. */
export interface Progress {
  readonly tried: number
  readonly total: number
  readonly etaMs: number
}

export type ScanEvent =
  | ({
      readonly kind: 'progress'
      readonly port: string
      readonly settings: LineSettings
      readonly at: UnitAddress
    } & Progress)
  /** Somebody answers; the name comes with `named`. */
  | { readonly kind: 'heard'; readonly port: string; readonly settings: LineSettings; readonly at: UnitAddress }
  | { readonly kind: 'named'; readonly unit: FoundUnit }
  | { readonly kind: 'garbled'; readonly garbled: Garbled }
  /** Several DL/T 645 meters answer at once: they are looked for one by one. */
  | { readonly kind: 'several'; readonly port: string; readonly settings: LineSettings }
  | { readonly kind: 'trouble'; readonly trouble: PortTrouble }
  | { readonly kind: 'done'; readonly report: ScanReport }
