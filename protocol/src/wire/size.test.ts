import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { encodeBatch } from './batch.js'
import { batchHeaderSchema } from './header.js'
import { syntheticReadings } from './testing/synthetic.js'

const brotli = (bytes: Uint8Array): number =>
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }).length

/** Bytes a value of batches of `minutes`, over the last of several, so that the first one's header is not special. */
function bytesPerValue(minutes: number): { brotli: number; gzip: number; decoded: number } {
  const rounds = minutes * 6
  const records = syntheticReadings(rounds * 2).slice(rounds * 8)
  const values = records.reduce((sum, { record }) => sum + record.values.length, 0)
  const bytes = encodeBatch(
    batchHeaderSchema.parse({
      format: 'metergate-batch/3',
      gateway: 'gw-k3v9q2x7',
      stream: '9f2c51d07a3be846c1d5f09a7e3b6248',
      stream_kind: 'detail',
      number: 2,
      first: records[0]?.seq,
      last: records.at(-1)?.seq,
      previous: '5f9c4ab08cac7457e9111a30e4664920607ea2c115a1433d7be98e97e64244ca',
      software: 'metergate/0.1.0',
      config: '3f1d0a9b',
    }),
    records,
  )
  return { brotli: brotli(bytes) / values, gzip: gzipSync(bytes).length / values, decoded: bytes.length / values }
}

describe('the size of a batch (8 meters × 20 quantities × 10 s)', () => {
  it.each([
    [1, 2.1],
    [5, 1.5],
    [15, 1.27],
  ])('stays small at %i minutes: at most %f bytes a value with brotli', (minutes, limit) => {
    const size = bytesPerValue(minutes)
    expect(size.brotli).toBeLessThanOrEqual(limit)
  })
})
