import { type EpochMs, epochMs } from '@metergate/protocol'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** A stretch of civil time, [start, end). */
export interface CivilStep {
  readonly start: EpochMs
  readonly end: EpochMs
}

/** True when this server knows `zone` as an IANA name. */
export function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: zone })
    return true
  } catch {
    return false
  }
}

/**
 * The whole civil hours or days of `zone` that touch [from, to), oldest first, without holes: a day has 23 or 25 hours
 * where the law says so.
 */
export function civilSteps(zone: string, step: 'hour' | 'day', from: EpochMs, to: EpochMs): CivilStep[] {
  const clock = new ZoneClock(zone)
  const steps: CivilStep[] = []
  let start = step === 'day' ? clock.startOfDay(from) : clock.startOfHour(from)
  while (start < to) {
    const end = step === 'day' ? clock.nextDay(start) : clock.nextHour(start)
    steps.push({ start: epochMs(start), end: epochMs(end) })
    start = end
  }
  return steps
}

/** What a wall clock in the zone shows, by the runtime's own zone data. */
class ZoneClock {
  private readonly format: Intl.DateTimeFormat

  constructor(zone: string) {
    this.format = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  }

  startOfHour(at: number): number {
    return at - mod(this.local(at), HOUR_MS)
  }

  nextHour(start: number): number {
    return start + HOUR_MS - mod(this.local(start), HOUR_MS)
  }

  startOfDay(at: number): number {
    return this.midnight(floorTo(this.local(at), DAY_MS))
  }

  nextDay(start: number): number {
    return this.midnight(floorTo(this.local(start), DAY_MS) + DAY_MS)
  }

  /**
   * The first instant of a civil date, given as its midnight read as UTC. Where clocks change at midnight it comes twice
   * (the earlier is taken) or never (the change itself is).
   */
  private midnight(date: number): number {
    const offsets = [this.offset(date - DAY_MS), this.offset(date + DAY_MS)]
    const early = date - Math.max(...offsets)
    return this.local(early) >= date ? early : date - Math.min(...offsets)
  }

  /** Civil time at `at`, as if it were UTC, in milliseconds. */
  private local(at: number): number {
    return at + this.offset(at)
  }

  private offset(at: number): number {
    const parts = new Map(this.format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
    const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0
    const shown = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'))
    return shown - floorTo(at, 1000)
  }
}

const mod = (value: number, by: number): number => ((value % by) + by) % by
const floorTo = (value: number, by: number): number => value - mod(value, by)
