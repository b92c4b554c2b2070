import { type EpochMs, parseJson } from '@metergate/protocol'
import { z } from 'zod'
import type { RecordStore } from '../store/record-store.js'

const STATE_KEY = 'sync.usage'

const usageSchema = z.object({
  day: z.string(),
  dayBytes: z.number().int().min(0),
  month: z.string(),
  monthBytes: z.number().int().min(0),
})

export interface Usage {
  /** Plant's calendar day, `2026-11-23`, and bytes sent on it. */
  readonly day: string
  readonly dayBytes: number
  readonly month: string
  readonly monthBytes: number
}

/**
 * What was sent over a line that may be paid by the megabyte, by the plant's day and month. Kept in the store with
 * the next commit, so a restart forgets at most the last one. TCP and TLS add a few per cent that no program sees.
 */
export class DataUsage {
  private usage: Usage | undefined
  /** Made once: that takes fifty times as long as asking it. */
  private calendar: Intl.DateTimeFormat | undefined

  constructor(
    private readonly store: Pick<RecordStore, 'getState' | 'putState'>,
    private readonly timeZone: string,
  ) {}

  add(bytes: number, wall: EpochMs): void {
    const usage = this.at(wall)
    this.usage = { ...usage, dayBytes: usage.dayBytes + bytes, monthBytes: usage.monthBytes + bytes }
    this.store.putState(STATE_KEY, JSON.stringify(this.usage))
  }

  /** Usage so far of the day and month that `wall` is in. */
  at(wall: EpochMs): Usage {
    this.usage ??= this.load()
    this.calendar ??= new Intl.DateTimeFormat('en-CA', { timeZone: this.timeZone, dateStyle: 'short' })
    const day = this.calendar.format(wall)
    const month = day.slice(0, 7)
    return {
      day,
      dayBytes: this.usage?.day === day ? this.usage.dayBytes : 0,
      month,
      monthBytes: this.usage?.month === month ? this.usage.monthBytes : 0,
    }
  }

  private load(): Usage | undefined {
    const text = this.store.getState(STATE_KEY)
    return text === undefined ? undefined : usageSchema.safeParse(parseJson(text)).data
  }
}
