import { epochMs } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { civilSteps, isZone } from './civil-steps.js'

const at = (iso: string) => epochMs(Date.parse(iso))
const hoursOf = (zone: string, from: string, to: string): number[] =>
  civilSteps(zone, 'day', at(from), at(to)).map(({ start, end }) => (end - start) / 3_600_000)
const starts = (zone: string, step: 'hour' | 'day', from: string, to: string): string[] =>
  civilSteps(zone, step, at(from), at(to)).map(({ start }) => new Date(start).toISOString())

describe('civil steps', () => {
  it('begin at the plant’s midnight and are whole, whatever instants are asked for', () => {
    expect(starts('Asia/Shanghai', 'day', '2026-11-22T15:59:59Z', '2026-11-23T16:00:01Z')).toEqual([
      '2026-11-21T16:00:00.000Z',
      '2026-11-22T16:00:00.000Z',
      '2026-11-23T16:00:00.000Z',
    ])
  })

  it('end where the question ends, when that is a midnight', () => {
    expect(starts('Asia/Shanghai', 'day', '2026-11-21T16:00:00Z', '2026-11-22T16:00:00Z')).toHaveLength(1)
  })

  it('follow the hours of a zone with a half-hour offset', () => {
    expect(starts('Asia/Kolkata', 'hour', '2026-11-22T10:00:00Z', '2026-11-22T11:00:00Z')).toEqual([
      '2026-11-22T09:30:00.000Z',
      '2026-11-22T10:30:00.000Z',
    ])
  })

  it.each([
    ['23 hours in spring', 'Europe/Berlin', '2026-03-29T00:00:00Z', 23],
    ['25 hours in autumn', 'Europe/Berlin', '2026-10-25T00:00:00Z', 25],
    ['23 hours where midnight itself is skipped', 'America/Santiago', '2026-09-06T12:00:00Z', 23],
    ['25 hours where midnight comes twice', 'America/Havana', '2026-11-01T12:00:00Z', 25],
    ['24.5 hours where clocks move by half an hour', 'Australia/Lord_Howe', '2026-04-05T06:00:00Z', 24.5],
  ])('give a day %s', (_, zone, noon, hours) => {
    expect(hoursOf(zone, noon, new Date(Date.parse(noon) + 1).toISOString())).toEqual([hours])
  })

  it.each(['Asia/Shanghai', 'Europe/Berlin', 'America/Santiago', 'America/Havana', 'Australia/Lord_Howe'])(
    'leave no hole and no overlap over a year in %s, by day or by hour',
    (zone) => {
      for (const step of ['day', 'hour'] as const) {
        const steps = civilSteps(zone, step, at('2026-01-01T00:00:00Z'), at('2027-01-01T00:00:00Z'))
        const broken = steps.filter(({ start, end }, i) => end <= start || (i > 0 && steps[i - 1]?.end !== start))
        expect(broken).toEqual([])
        expect(steps[0]?.start).toBeLessThanOrEqual(at('2026-01-01T00:00:00Z'))
        expect(steps.at(-1)?.end).toBeGreaterThanOrEqual(at('2027-01-01T00:00:00Z'))
      }
    },
  )
})

describe('a zone', () => {
  it('is an IANA name', () => {
    expect(['Asia/Shanghai', 'UTC', 'Mars/Olympus', '', '../etc'].map(isZone)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ])
  })
})
