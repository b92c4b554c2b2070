import fc from 'fast-check'
import { amountSchema } from '../../amount.js'
import { type Seq, seqSchema } from '../../ids.js'
import { QUANTITY_NAMES } from '../../quantity/quantity.js'
import { BATCH_FORMATS, type BatchHeader, batchHeaderSchema } from '../header.js'
import {
  ABSENCE_REASONS,
  type LedgerRecord,
  ledgerRecordSchema,
  NO_VALUE_REASONS,
  type Numbered,
  PRODUCTION_SOURCES,
  QUALITY_FLAGS,
  type ReadingRecord,
  readingRecordSchema,
  type StreamRecord,
} from '../records.js'

/** Arbitrary valid records of every kind: negative and extreme amounts, absences, suspects, undated stamps. */
const n = fc.oneof(
  fc.integer({ min: -5, max: 50_000 }),
  fc.maxSafeInteger(),
  fc.constantFrom(0, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER),
)
const amount = fc.record({ n, exp: fc.integer({ min: -12, max: 12 }) }).map((each) => amountSchema.parse(each))
const quantity = fc.constantFrom(...QUANTITY_NAMES)
const instant = fc.oneof(fc.integer({ min: 0, max: 2_000_000_000_000 }), fc.constantFrom(-8.64e15, 0, 8.64e15))
const mono = fc.oneof(
  instant,
  fc.double({ min: 0, max: 1e9, noNaN: true }).map((each) => each + 0),
)
const boot = fc.constantFrom('b0', '5e8bb4a7-4d1c-4f1f-9d5e-0c9a7e0c1a11')
const stamp = fc.record({ boot, mono, wall: instant, quality: fc.constantFrom('S', 'U') })
const meter = fc.constantFrom('press-1', 'press-2', 'main')
const product = fc.constantFrom('eva-slipper', 'sole')
const text = (maxLength: number) => fc.string({ maxLength, unit: 'grapheme' }).map((each) => each.slice(0, maxLength))
const perMille = fc.integer({ min: 0, max: 1000 })
const revision = fc.integer({ min: 0, max: 3 })
const stream = fc.constantFrom('0123456789abcdef0123456789abcdef', 'f'.repeat(32))
const optional = <T>(each: fc.Arbitrary<T>) => fc.option(each, { nil: undefined, freq: 3 })

const readingValue = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ quantity, block: fc.nat(3), value: amount, suspect: optional(fc.constant(true)) }),
  },
  { weight: 1, arbitrary: fc.record({ quantity, block: fc.nat(3), absent: fc.constantFrom(...ABSENCE_REASONS) }) },
)
const wildReading = fc
  .record({
    kind: fc.constant('reading'),
    stamp,
    meter,
    group: fc.constantFrom('power', 'energy'),
    blocks: fc.array(fc.option(fc.nat(2000)), { maxLength: 3 }),
    values: fc.array(readingValue, { maxLength: 4 }),
  })
  .map(clean(readingRecordSchema.parse))

/** Readings of one meter with the same columns again and again, as on a real line. */
const steadyReadings = fc
  .record({
    stamp,
    meter,
    columns: fc.uniqueArray(quantity, { minLength: 1, maxLength: 5 }),
    exp: fc.integer({ min: -3, max: 0 }),
    rows: fc.array(
      fc.array(fc.oneof({ weight: 9, arbitrary: n }, { weight: 1, arbitrary: fc.constantFrom(...ABSENCE_REASONS) }), {
        minLength: 5,
        maxLength: 5,
      }),
      { minLength: 1, maxLength: 20 },
    ),
    suspects: fc.array(fc.nat(100)),
  })
  .map(({ stamp: start, meter, columns, exp, rows, suspects }) =>
    rows.map((row, index) =>
      readingRecordSchema.parse({
        kind: 'reading',
        stamp: { ...start, mono: Math.min(start.mono + index * 10_000, 8.64e15) },
        meter,
        group: 'power',
        blocks: [0],
        values: columns.map((name, column) => {
          const cell = row[column] ?? 0
          if (typeof cell === 'string') return { quantity: name, block: 0, absent: cell }
          const suspect = suspects.includes(index * columns.length + column)
          return { quantity: name, block: 0, value: { n: cell + 0, exp }, ...(suspect ? { suspect } : {}) }
        }),
      }),
    ),
  )

const delta = fc.record({
  quantity,
  from: fc.option(amount),
  to: fc.option(amount),
  delta: fc.option(amount),
  flag: fc.constantFrom(...QUALITY_FLAGS),
  method: optional(text(40)),
  checks: optional(fc.array(text(40), { maxLength: 3 })),
})
const period = { start: instant, end: instant, revision, reason: optional(text(200)) }

const ledger = fc
  .oneof(
    fc.record({
      kind: fc.constant('interval'),
      stamp,
      meter,
      ...period,
      segment: fc.nat(3),
      multiplier: amount,
      deltas: fc.array(delta, { maxLength: 3 }),
      power: optional(fc.option(fc.record({ mean: amount, min: amount, max: amount }))),
      coverage: perMille,
      formula: text(40),
    }),
    fc.record({
      kind: fc.constant('production'),
      stamp,
      entry: text(80),
      ...period,
      product,
      source: fc.constantFrom(...PRODUCTION_SOURCES),
      count: fc.option(amount),
      unit: text(16),
      shift: optional(text(16)),
      note: optional(text(200)),
    }),
    fc.record({
      kind: fc.constant('unit_energy'),
      stamp,
      product,
      meters: fc.array(meter, { maxLength: 3 }),
      period: fc.constantFrom('interval', 'hour', 'shift', 'day', 'month'),
      start: instant,
      end: instant,
      revision,
      reason: optional(text(200)),
      energy: fc.option(amount),
      output: fc.option(amount),
      value: fc.option(amount),
      unit: text(16),
      no_value: optional(fc.constantFrom(...NO_VALUE_REASONS)),
      matched: perMille,
      estimated: perMille,
      formula: text(40),
    }),
    fc.record({
      kind: fc.constant('event'),
      stamp,
      code: fc.stringMatching(/^[a-z][a-z0-9_]{1,47}$/),
      meter: optional(meter),
      facts: fc.dictionary(
        text(40).filter((name) => name !== '__proto__'),
        fc.oneof(
          text(500),
          fc.double({ noNaN: true, noDefaultInfinity: true }).map((each) => each + 0),
          fc.boolean(),
          fc.constant(null),
        ),
        { maxKeys: 4 },
      ),
    }),
    fc.record({
      kind: fc.constant('anchor'),
      stamp,
      boot,
      mono,
      true_wall: instant,
      error_ms: fc.nat(),
      source: fc.constantFrom('kernel', 'chrony', 'timesyncd', 'cloud', 'technician'),
    }),
    fc.record({
      kind: fc.constant('gap'),
      stamp,
      stream,
      stream_kind: fc.constantFrom('detail', 'ledger'),
      first: fc.integer({ min: 1, max: 100 }),
      last: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      first_batch: optional(fc.integer({ min: 1, max: 9 })),
      last_batch: optional(fc.integer({ min: 1, max: 9 })),
      reason: fc.constantFrom('storage_full', 'storage_cap', 'corrupt', 'refused', 'operator'),
    }),
  )
  .map(clean(ledgerRecordSchema.parse))

/** Leaves undefined members out, then validates. */
function clean<T>(parse: (value: unknown) => T): (value: unknown) => T {
  return (value) => parse(JSON.parse(JSON.stringify(value)))
}

export const arbitraryReadings: fc.Arbitrary<ReadingRecord[]> = fc
  .array(
    fc.oneof(
      wildReading.map((each) => [each]),
      steadyReadings,
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((lists) => lists.flat())
export const arbitraryLedger: fc.Arbitrary<LedgerRecord[]> = fc.array(ledger, { minLength: 1, maxLength: 12 })

const hash = fc.constantFrom('a'.repeat(64), '0123456789abcdef'.repeat(4))

/** A whole batch: a header and the records it names. */
export const arbitraryBatch: fc.Arbitrary<{ header: BatchHeader; records: Numbered[] }> = fc
  .record({
    records: fc.oneof(
      arbitraryReadings.map((each) => ({ stream_kind: 'detail', each: wide(each) })),
      arbitraryLedger.map((each) => ({ stream_kind: 'ledger', each: wide(each) })),
    ),
    first: fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 2 ** 40, max: 2 ** 50 })),
    number: fc.integer({ min: 1, max: 1e9 }),
    previous: fc.option(hash),
    stream,
    format: fc.constantFrom(...BATCH_FORMATS),
  })
  .map(({ records: { stream_kind, each }, first, number, previous, stream, format }) => ({
    header: batchHeaderSchema.parse({
      format,
      gateway: 'gw-0123456789',
      stream,
      stream_kind,
      number,
      first,
      last: first + each.length - 1,
      previous,
      software: 'metergate/0.1.0',
      config: 'c0ffee',
    }),
    records: each.map((record, index) => ({ seq: toSeq(first + index), record })),
  }))

const toSeq = (value: number): Seq => seqSchema.parse(value)

const wide = (records: readonly StreamRecord[]): readonly StreamRecord[] => records
