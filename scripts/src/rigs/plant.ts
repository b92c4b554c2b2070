import { QUANTITY_NAMES, type ReadingRecord, readingRecordSchema, type Stamp } from '@metergate/protocol'

const QUANTITIES = QUANTITY_NAMES.slice(0, 20)

/** A reading whose first value is `n`, so that it can be told from every other; the rest moves as a plant's does. */
export function plantReading(n: number, meter: number, stamp: Stamp, noise: () => number = () => 0): ReadingRecord {
  const values = QUANTITIES.map((quantity, index) => ({
    quantity,
    block: 0,
    value: { n: index === 0 ? n : index * 100_000 + ((n * (index + 7)) % 97) + noise(), exp: -1 },
  }))
  return readingRecordSchema.parse({
    kind: 'reading',
    stamp,
    meter: `press-${meter}`,
    group: 'all',
    blocks: [0],
    values,
  })
}

/** The number a reading was made with. */
export function numberOf(record: ReadingRecord): number {
  const [value] = record.values
  return value && 'value' in value ? value.value.n : Number.NaN
}
