/** Plant time: a fixed offset from UTC (China has had no summer time since 1991). */
export const CHINA_OFFSET_MS = 8 * 3_600_000
export const DAY_S = 86_400
export const DAY_MS = DAY_S * 1000

/** Days since 1970-01-01 in plant time. */
export function dayNumber(epochMs: number): number {
  return Math.floor((epochMs + CHINA_OFFSET_MS) / DAY_MS)
}

/** The instant at which a plant day begins. */
export function dayStartMs(day: number): number {
  return day * DAY_MS - CHINA_OFFSET_MS
}

/** 0 Monday … 6 Sunday (1970-01-01 was a Thursday). */
export function weekday(day: number): number {
  return (((day + 3) % 7) + 7) % 7
}

/** New Year's Day of the lunar calendar, as announced by the State Council or by the almanac. */
const SPRING_FESTIVAL = [
  '2025-01-29',
  '2026-02-17',
  '2027-02-06',
  '2028-01-26',
  '2029-02-13',
  '2030-02-03',
  '2031-01-23',
]
const SPRING_FESTIVAL_DAYS = SPRING_FESTIVAL.map((date) => Math.floor(Date.parse(`${date}T00:00:00Z`) / DAY_MS))
/** Workers travel home before and come back after the official week. */
const CLOSED_BEFORE = 6
const CLOSED_AFTER = 12

/** Shut for the Spring Festival: the one time when such a plant stands still for weeks. */
export function isSpringFestival(day: number): boolean {
  return SPRING_FESTIVAL_DAYS.some((newYear) => day >= newYear - CLOSED_BEFORE && day <= newYear + CLOSED_AFTER)
}

/** A span of a day in seconds of plant time, [from, to). */
export interface Span {
  readonly fromS: number
  readonly toS: number
}
const span = (from: number, to: number): Span => ({ fromS: Math.round(from * 3600), toS: Math.round(to * 3600) })

/**
 * `day`: one shift 8-20. `double`: round the clock in two. Both stop for meals, weekends and the Spring Festival.
 * `continuous`: never stops, for rigs that must see production at any hour.
 */
export const SHIFT_PATTERNS = ['day', 'double', 'continuous'] as const
export type ShiftPattern = (typeof SHIFT_PATTERNS)[number]

/** When presses may run on a plant day: shifts less meals; Sundays a half day for `double`, none for `day`. */
export function workingSpans(day: number, pattern: ShiftPattern): readonly Span[] {
  if (pattern === 'continuous') return [span(0, 24)]
  if (isSpringFestival(day)) return []
  const sunday = weekday(day) === 6
  if (pattern === 'day') return sunday ? [] : [span(8, 11.5), span(12.5, 17.5), span(18, 20)]
  if (sunday) return [span(0, 6)]
  const night = weekday(day) === 0 ? [] : [span(0, 2), span(2.5, 8)]
  return [...night, span(8, 11.5), span(12.5, 17.5), span(18, 24)]
}
