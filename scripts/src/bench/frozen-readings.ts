import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { type ReadingRecord, readingRecordSchema } from '@metergate/protocol'
import { rootFolder } from '../root.js'

/** An hour of a moulding shop, one record a line: 8 meters × 20 quantities × 10 s, read off simulated SDM630s. */
export const FROZEN_FILE = join(rootFolder(), 'scripts/data/plant-hour.jsonl.br')
/** Of the text before compression. Frozen, so that figures of different days are about the same bytes. */
const SHA256 = '5cf3fccb46d558dd23d863daff93e5a846dba77b8917733ffacd95e4738d755d'

/** Reads the frozen readings; throws when they are not the ones the figures in the documents are about. */
export function frozenReadings(): ReadingRecord[] {
  const text = brotliDecompressSync(readFileSync(FROZEN_FILE))
  const sum = createHash('sha256').update(text).digest('hex')
  if (sum !== SHA256) throw new Error(`${FROZEN_FILE} is not the frozen data set: SHA-256 ${sum} instead of ${SHA256}`)
  return text
    .toString('utf8')
    .trim()
    .split('\n')
    .map((line) => readingRecordSchema.parse(JSON.parse(line)))
}
