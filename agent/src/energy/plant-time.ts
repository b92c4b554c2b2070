import { type EpochMs, epochMs, invariant } from '@metergate/protocol'

const MINUTE = 60_000
const QUARTER = 15 * MINUTE
const DAY = 24 * 60 * MINUTE

/** Interval lengths a plant may choose, minutes. */
export const INTERVAL_MINUTES = [1, 5, 15, 30, 60] as const
export type IntervalMinutes = (typeof INTERVAL_MINUTES)[number]

/** A civil date and time of day as the plant's wall clock shows it. `weekday`: 1 Monday … 7 Sunday. */
export interface LocalTime {
  /** `2026-07-01` */
  readonly date: string
  readonly year: number
  readonly month: number
  readonly day: number
  readonly weekday: number
  readonly minuteOfDay: number
}

export interface Slot {
  readonly start: EpochMs
  readonly end: EpochMs
}

/**
 * The plant's civil time: an IANA zone, so that days have 23 or 25 hours where the law says so.
 * Every zone's offset has been a multiple of 15 minutes since 1972 and changes on a UTC quarter hour; the grid
 * below rests on that.
 */
export class PlantZone {
  readonly #format: Intl.DateTimeFormat
  /** Offset of a whole UTC day, or of its 96 quarter hours when it changes within the day. */
  readonly #days = new Map<number, number | readonly number[]>()

  /** Throws RangeError when `name` is no IANA zone; check user input with {@link isZoneName} first. */
  constructor(readonly name: string) {
    this.#format = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    })
  }

  /** Civil time minus UTC at `at`, milliseconds. */
  offsetMs(at: number): number {
    const day = Math.floor(at / DAY)
    const known = this.#days.get(day) ?? this.#learnDay(day)
    return typeof known === 'number' ? known : (known[Math.floor((at - day * DAY) / QUARTER)] ?? 0)
  }

  /** The wall clock of the plant at `at`. */
  local(at: EpochMs): LocalTime {
    const shifted = at + this.offsetMs(at)
    const civil = new Date(shifted)
    const year = civil.getUTCFullYear()
    const month = civil.getUTCMonth() + 1
    const day = civil.getUTCDate()
    const minuteOfDay = Math.floor((shifted - Math.floor(shifted / DAY) * DAY) / MINUTE)
    return {
      date: isoDate(year, month, day),
      year,
      month,
      day,
      weekday: ((civil.getUTCDay() + 6) % 7) + 1,
      minuteOfDay,
    }
  }

  /** The interval [start, end) of the grid that holds `at`. Shorter than asked only where the offset jumps inside it. */
  slot(at: number, length: IntervalMinutes): Slot {
    const lengthMs = length * MINUTE
    if (length <= 15) {
      const start = Math.floor(at / lengthMs) * lengthMs
      return { start: epochMs(start), end: epochMs(start + lengthMs) }
    }
    let start = Math.floor(at / QUARTER) * QUARTER
    while (!this.#isBoundary(start, lengthMs)) start -= QUARTER
    let end = start + QUARTER
    while (!this.#isBoundary(end, lengthMs)) end += QUARTER
    return { start: epochMs(start), end: epochMs(end) }
  }

  /** The civil day that holds `at`, 23 to 25 hours long. */
  day(at: EpochMs): Slot {
    const { year, month, day } = this.local(at)
    return { start: this.midnight(year, month, day), end: this.midnight(year, month, day + 1) }
  }

  /** The civil month that holds `at`. */
  month(at: EpochMs): Slot {
    const { year, month } = this.local(at)
    return { start: this.midnight(year, month, 1), end: this.midnight(year, month + 1, 1) }
  }

  /** First instant of a civil date; day and month may run over (`month + 1`). */
  midnight(year: number, month: number, day: number): EpochMs {
    return this.instant(year, month, day, 0)
  }

  /** The instant at which the wall clock first shows this time, or the next one it shows when it skips it. */
  instant(year: number, month: number, day: number, minuteOfDay: number): EpochMs {
    const civil = Date.UTC(year, month - 1, day) + minuteOfDay * MINUTE
    const before = civil - this.offsetMs(civil - DAY)
    const after = civil - this.offsetMs(civil + DAY)
    const early = Math.min(before, after)
    const late = Math.max(before, after)
    if (early + this.offsetMs(early) === civil) return epochMs(early)
    if (late + this.offsetMs(late) === civil) return epochMs(late)
    // Skipped by the clock going forward: the change itself is the first instant past it.
    let change = Math.floor(early / QUARTER) * QUARTER
    while (change + this.offsetMs(change) < civil) change += QUARTER
    return epochMs(change)
  }

  #isBoundary(quarter: number, lengthMs: number): boolean {
    const offset = this.offsetMs(quarter)
    return (quarter + offset) % lengthMs === 0 || offset !== this.offsetMs(quarter - QUARTER)
  }

  #learnDay(day: number): number | readonly number[] {
    const start = day * DAY
    const first = this.#ask(start)
    const constant = first === this.#ask(start + DAY - QUARTER)
    const learnt = constant ? first : Array.from({ length: 96 }, (_, index) => this.#ask(start + index * QUARTER))
    // A year of days is all anyone asks for at once; the map must not grow with the box's age.
    if (this.#days.size > 800) this.#days.clear()
    this.#days.set(day, learnt)
    return learnt
  }

  #ask(at: number): number {
    const part: Record<string, number> = {}
    for (const { type, value } of this.#format.formatToParts(new Date(at))) part[type] = Number(value)
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part
    const offset = Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000
    invariant(
      offset % QUARTER === 0,
      `zone ${this.name} is ${offset} ms off UTC at ${at}, not a multiple of 15 minutes`,
    )
    return offset
  }
}

/** Whether the runtime knows `name` as an IANA zone. */
export function isZoneName(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name })
    return true
  } catch {
    return false
  }
}

function isoDate(year: number, month: number, day: number): string {
  return `${year.toString().padStart(4, '0')}-${month.toString().padStart(2, '0')}-${day.toString().padStart(2, '0')}`
}
