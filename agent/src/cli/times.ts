import { type EpochMs, epochMs } from '@metergate/protocol'
import type { ShiftConfig } from '../config/schema.js'
import type { PlantZone, Slot } from '../energy/plant-time.js'

/** Reading and writing the plant's civil time on the command line. */

interface CivilDate {
  readonly year: number
  readonly month: number
  readonly day: number
}

/** `2026-11-23`, a date that exists; undefined otherwise. */
export function parseDate(text: string): CivilDate | undefined {
  const match = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(text.trim())
  if (!match) return undefined
  const [year = 0, month = 0, day = 0] = match.slice(1).map(Number)
  const there = new Date(Date.UTC(year, month - 1, day))
  const exists = there.getUTCMonth() === month - 1 && there.getUTCDate() === day
  return exists ? { year, month, day } : undefined
}

export const today = (zone: PlantZone, now: EpochMs): CivilDate => zone.local(now)

export function daySpan(zone: PlantZone, { year, month, day }: CivilDate, days = 1): Slot {
  return { start: zone.midnight(year, month, day), end: zone.midnight(year, month, day + days) }
}

/** Monday to Sunday. */
export function weekSpan(zone: PlantZone, date: CivilDate): Slot {
  const { weekday } = zone.local(zone.midnight(date.year, date.month, date.day))
  return daySpan(zone, { ...date, day: date.day - weekday + 1 }, 7)
}

/** `2026-11`; undefined when it is no month. */
export function monthSpan(zone: PlantZone, text: string): Slot | undefined {
  const date = parseDate(`${text}-01`)
  return date && { start: zone.midnight(date.year, date.month, 1), end: zone.midnight(date.year, date.month + 1, 1) }
}

/** The shift that begins on `date`; one over midnight ends on the next day. */
export function shiftSpan(zone: PlantZone, { year, month, day }: CivilDate, shift: ShiftConfig): Slot {
  const endDay = shift.to > shift.from ? day : day + 1
  return { start: zone.instant(year, month, day, shift.from), end: zone.instant(year, month, endDay, shift.to) }
}

/** `2026-11-23 08:00` or `2026-11-23T08:00` in the plant's time, or `08:00` of today; undefined otherwise. */
export function parseInstant(zone: PlantZone, text: string, now: EpochMs): EpochMs | undefined {
  const match = /^(?:(\d{4}-\d{1,2}-\d{1,2})[ T])?(\d{1,2}):([0-5]\d)$/.exec(text.trim())
  const date = match && (match[1] === undefined ? today(zone, now) : parseDate(match[1]))
  const minute = match ? Number(match[2]) * 60 + Number(match[3]) : 0
  return date && minute <= 1440 ? zone.instant(date.year, date.month, date.day, minute) : undefined
}

/** `2026-11-23 08:00`, with seconds when asked. */
export function formatInstant(zone: PlantZone, at: number, withSeconds = false): string {
  const { date, minuteOfDay } = zone.local(epochMs(at))
  const two = (value: number): string => String(value).padStart(2, '0')
  const time = `${two(Math.floor(minuteOfDay / 60))}:${two(minuteOfDay % 60)}`
  return `${date} ${time}${withSeconds ? `:${two(Math.floor(at / 1000) % 60)}` : ''}`
}
