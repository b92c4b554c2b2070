import { amount, meterIdSchema, type Numbered, seqSchema } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { exportRecords } from './export-records.js'
import { event, interval, reading } from './testing/make.js'
import { ManualClock } from './testing/manual-clock.js'

const clock = new ManualClock()
const numbered = (record: Numbered['record'], seq = 1): Numbered => ({ seq: seqSchema.parse(seq), record })

describe('an export', () => {
  it('writes one CSV line per value, exact, and an absent value as its reason, never 0', () => {
    const good = reading(clock, 2305)
    const record: Numbered['record'] = {
      ...good,
      meter: meterIdSchema.parse('press-1'),
      values: [
        { quantity: 'power_active_total', block: 0, value: amount(2300, -1), suspect: true },
        { quantity: 'frequency', block: 0, absent: 'timeout' },
      ],
    }
    const time = new Date(clock.wall()).toISOString()
    expect([...exportRecords([numbered(record)], 'csv')].slice(1)).toEqual([
      `1,reading,${time},S,press-1,power_active_total,230.0,suspect,power`,
      `1,reading,${time},S,press-1,frequency,,timeout,power`,
    ])
  })

  it('quotes what CSV needs and disarms what a spreadsheet would run', () => {
    const record: Numbered['record'] = { ...event(clock, 1), facts: { note: 'a,"b"' } }
    const [, line] = [...exportRecords([numbered(record)], 'csv')]
    expect(line).toContain('"{""note"":""a,\\""b\\""""}"')
  })

  it('writes JSON lines that hold the whole record', () => {
    const record = interval(clock, 1_790_000_000_000)
    const [line = ''] = [...exportRecords([numbered(record, 7)], 'json')]
    expect(JSON.parse(line)).toEqual({ seq: 7, record })
  })
})
