import { batchNumberSchema, decodeBatch, epochMs, streamIdSchema, WIRE_LIMITS } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { DEFAULT_COMPRESSION, decompress } from './compression.js'
import { sealPrefix, toSeq } from './seal.js'
import { reading, SEALER } from './testing/make.js'
import { ManualClock } from './testing/manual-clock.js'

const place = {
  streamKind: 'detail' as const,
  stream: streamIdSchema.parse('a'.repeat(32)),
  number: batchNumberSchema.parse(1),
  previous: null,
}

describe('a sealed batch', () => {
  it('keeps to the limit of values although constant columns cost no bytes', () => {
    const one = reading(new ManualClock(), 1)
    const [value] = one.values
    const values = Array.from({ length: 150 }, () => value).filter((each) => each !== undefined)
    const wide = { ...one, values }
    const rows = Array.from({ length: 9_000 }, (_, index) => {
      const stamp = { ...wide.stamp, wall: epochMs(wide.stamp.wall + index) }
      return { seq: toSeq(index + 1), record: { ...wide, stamp } }
    })
    const { batch, count } = sealPrefix(place, SEALER, rows, Number.MAX_SAFE_INTEGER, DEFAULT_COMPRESSION)
    expect(count).toBe(Math.floor(WIRE_LIMITS.cells / 151))
    const bytes = decompress(batch.body, batch.encoding)
    const read = bytes.ok ? decodeBatch(bytes.value) : undefined
    expect(read?.ok && read.value.uninterpreted).toEqual([])
    expect(read?.ok && read.value.records.length).toBe(count)
  })
})
