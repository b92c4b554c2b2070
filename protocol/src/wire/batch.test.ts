import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeBatch, encodeBatch } from './batch.js'
import { decodeRecord, encodeRecord } from './record-row.js'
import { arbitraryBatch } from './testing/arbitrary.js'

describe('a batch', () => {
  it('comes back exactly as it went, for every kind of record', () => {
    fc.assert(
      fc.property(arbitraryBatch, ({ header, records }) => {
        const decoded = decodeBatch(encodeBatch(header, records))
        expect(decoded).toEqual({ ok: true, value: { header, records, uninterpreted: [] } })
      }),
      { numRuns: 400 },
    )
  })

  it('has the same bytes however its records are made', () => {
    fc.assert(
      fc.property(arbitraryBatch, ({ header, records }) => {
        const again = records.map(({ seq, record }) => {
          const row = decodeRecord(encodeRecord(record))
          if (!row.ok) throw new Error(row.fault.why)
          return { seq, record: row.value }
        })
        expect(encodeBatch(header, again)).toEqual(encodeBatch(header, records))
      }),
      { numRuns: 200 },
    )
  })

  it('is a property that notices a lost mark (planted: the suspect flags are dropped)', () => {
    const forgetful = fc.property(arbitraryBatch, ({ header, records }) => {
      const text = new TextDecoder().decode(encodeBatch(header, records)).replaceAll('"suspect":', '"ignored":')
      expect(decodeBatch(new TextEncoder().encode(text))).toEqual({
        ok: true,
        value: { header, records, uninterpreted: [] },
      })
    })
    expect(fc.check(forgetful, { numRuns: 400 }).failed).toBe(true)
  })
})
