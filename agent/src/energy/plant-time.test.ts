import { epochMs } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { INTERVAL_MINUTES, isZoneName, PlantZone } from './plant-time.js'
import { slotsOf } from './spans.js'

const at = (iso: string) => epochMs(Date.parse(iso))

describe('plant time', () => {
  it.each([
    ['Asia/Shanghai', '2026-03-29T12:00:00Z', 96],
    ['Europe/Berlin', '2026-03-29T12:00:00Z', 92],
    ['Europe/Berlin', '2026-10-25T12:00:00Z', 100],
    // Half an hour of daylight saving.
    ['Australia/Lord_Howe', '2026-04-05T00:00:00Z', 98],
    ['Asia/Kathmandu', '2026-03-29T12:00:00Z', 96],
  ])('a day in %s around %s has %i quarter hours', (name, instant, quarters) => {
    const zone = new PlantZone(name)
    expect(slotsOf(zone.day(at(instant)), zone, 15)).toHaveLength(quarters)
  })

  it.each(INTERVAL_MINUTES)('a grid of %i minutes tiles a year with no hole, on the plant clock', (minutes) => {
    for (const name of ['Australia/Lord_Howe', 'Asia/Kathmandu', 'America/St_Johns']) {
      const zone = new PlantZone(name)
      let slot = zone.slot(at('2026-04-01T00:00:00Z'), minutes)
      for (let step = 0; step < 600; step++) {
        const next = zone.slot(slot.end, minutes)
        expect(next.start).toBe(slot.end)
        expect(zone.slot(slot.end - 1, minutes)).toEqual(slot)
        slot = next
      }
    }
  })

  it('starts whole-hour intervals on the hour of a zone 5 h 45 min ahead', () => {
    const slot = new PlantZone('Asia/Kathmandu').slot(at('2026-03-29T12:00:00Z'), 60)
    expect(new Date(slot.start).toISOString()).toBe('2026-03-29T11:15:00.000Z')
  })

  it('knows the civil date and weekday', () => {
    const local = new PlantZone('Asia/Shanghai').local(at('2026-06-30T16:00:00Z'))
    expect(local).toEqual({ date: '2026-07-01', year: 2026, month: 7, day: 1, weekday: 3, minuteOfDay: 0 })
  })

  it('takes the month from midnight to midnight', () => {
    const month = new PlantZone('Asia/Shanghai').month(at('2026-12-31T12:00:00Z'))
    expect(new Date(month.start).toISOString()).toBe('2026-11-30T16:00:00.000Z')
    expect(new Date(month.end).toISOString()).toBe('2026-12-31T16:00:00.000Z')
  })

  it('finds the first instant after a time of day the clock skips, and the first of one it shows twice', () => {
    const zone = new PlantZone('Europe/Berlin')
    expect(new Date(zone.instant(2026, 3, 29, 150)).toISOString()).toBe('2026-03-29T01:00:00.000Z')
    expect(new Date(zone.instant(2026, 10, 25, 150)).toISOString()).toBe('2026-10-25T00:30:00.000Z')
  })

  it('tells a zone from anything else', () => {
    expect(isZoneName('Asia/Shanghai')).toBe(true)
    expect(isZoneName('Asia/Ruian')).toBe(false)
  })
})
