import { z } from 'zod'
import { invariant } from './invariant.js'

/** Wall-clock instant: milliseconds since 1970-01-01T00:00:00Z. May be wrong on a box without a battery clock. */
export type EpochMs = number & { readonly __brand: 'EpochMs' }
/** Monotonic instant: milliseconds since the boot named beside it. Never goes back; means nothing across boots. */
export type MonoMs = number & { readonly __brand: 'MonoMs' }
/** A span of time in milliseconds. */
export type DurationMs = number & { readonly __brand: 'DurationMs' }
/** Names one boot of one machine (Linux: /proc/sys/kernel/random/boot_id). */
export type BootId = string & { readonly __brand: 'BootId' }

const isInstant = (value: number): boolean => Number.isFinite(value) && Math.abs(value) <= 8.64e15
const isEpochMs = (value: number): value is EpochMs => Number.isInteger(value) && isInstant(value)
const isMonoMs = (value: number): value is MonoMs => isInstant(value)
const isDurationMs = (value: number): value is DurationMs => isInstant(value)
const isBootId = (value: string): value is BootId => /^[0-9a-zA-Z-]{1,64}$/.test(value)

/** Brands whole milliseconds since the epoch; throws on fractions, NaN, Infinity or beyond the range of Date. */
export function epochMs(value: number): EpochMs {
  invariant(isEpochMs(value), `not an instant: ${value}`)
  return value
}
/** Brands a monotonic reading in milliseconds. */
export function monoMs(value: number): MonoMs {
  invariant(isMonoMs(value), `not a monotonic instant: ${value}`)
  return value
}
/** Brands a span in milliseconds. */
export function durationMs(value: number): DurationMs {
  invariant(isDurationMs(value), `not a duration: ${value}`)
  return value
}
/** Brands a boot id; throws unless it is 1-64 letters, digits or dashes. */
export function bootId(value: string): BootId {
  invariant(isBootId(value), `not a boot id: ${value}`)
  return value
}

export const seconds = (count: number): DurationMs => durationMs(count * 1000)
export const minutes = (count: number): DurationMs => durationMs(count * 60_000)
export const hours = (count: number): DurationMs => durationMs(count * 3_600_000)

export const epochMsSchema = z.number().int().refine(isEpochMs)
export const monoMsSchema = z.number().refine(isMonoMs)
export const bootIdSchema = z.string().refine(isBootId)

/** What was known of the wall clock when a record was made: `S` synchronised (with evidence), `U` unknown. */
export const CLOCK_QUALITIES = ['S', 'U'] as const
export type ClockQuality = (typeof CLOCK_QUALITIES)[number]

/**
 * Time as a port: the system's on a real box, virtual in the simulation. Everything that waits goes through it.
 * Wall and monotonic time are apart: order, cadence and back-off use `mono`, only labels use `wall`.
 */
export interface Clock {
  readonly bootId: BootId
  wall(): EpochMs
  mono(): MonoMs
  /** Resolves after `duration` of monotonic time; rejects with `signal.reason` when aborted. */
  sleep(duration: DurationMs, signal?: AbortSignal): Promise<void>
}

/** One instant as a record keeps it: which boot, both clocks, and what was known of the wall clock then. */
export interface Stamp {
  readonly boot: BootId
  readonly mono: MonoMs
  readonly wall: EpochMs
  readonly quality: ClockQuality
}
