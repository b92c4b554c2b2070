import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeBatch, encodeBatch } from './batch.js'
import { isObject } from './canonical.js'
import { WIRE_LIMITS } from './limits.js'
import { arbitraryBatch } from './testing/arbitrary.js'

const bytesOf = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))

/** What must hold whatever came in: no throw, and every number of `first..last` accounted for once. */
function holds(bytes: Uint8Array): void {
  const decoded = decodeBatch(bytes)
  if (!decoded.ok) {
    expect(decoded.fault.why).not.toBe('')
    return
  }
  const { header, records, uninterpreted } = decoded.value
  const named = uninterpreted.flatMap(({ record }) => (record === undefined ? [] : [record]))
  const all = [...records.map(({ seq }) => seq), ...named].sort((a, b) => a - b)
  const expected = header.void ? [] : Array.from({ length: header.last - header.first + 1 }, (_, i) => header.first + i)
  expect(all).toEqual(expected)
  expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
}

/** A JSON value somewhere in a document replaced by another one. */
function replaceSomewhere(document: unknown, path: number, replacement: unknown): unknown {
  let left = path
  const walk = (value: unknown): unknown => {
    if (left-- === 0) return replacement
    if (Array.isArray(value)) return value.map(walk)
    if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, walk(member)]))
    return value
  }
  return walk(document)
}

const hostile = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    -1,
    0.5,
    1e308,
    9007199254740992,
    '',
    '__proto__',
    [],
    {},
    [[1e9, 1]],
    { runs: [[1e9, 1]] },
    { runs: [[-1, 1]] },
  ),
  fc.constantFrom<unknown>(
    { toString: 1, valueOf: 1 },
    { dd: [1, 2, 3] },
    { of: [1], absent: [[0, 1e9, 'crc']] },
    { raw: 'x' },
  ),
  fc.jsonValue(),
)

describe('hostile and broken bytes', () => {
  it('never make the decoder throw: cut, flipped and doubled bytes', () => {
    fc.assert(
      fc.property(
        arbitraryBatch,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 5 }),
        fc.nat(),
        ({ header, records }, flips, cut) => {
          const bytes = encodeBatch(header, records)
          for (const [at, value] of flips) bytes[at % bytes.length] = value
          holds(bytes)
          holds(bytes.slice(0, cut % bytes.length))
        },
      ),
      { numRuns: 300 },
    )
  })

  it('never make the decoder throw: any value in any place of a batch', () => {
    fc.assert(
      fc.property(arbitraryBatch, fc.nat(400), hostile, ({ header, records }, path, replacement) => {
        const document: unknown = JSON.parse(new TextDecoder().decode(encodeBatch(header, records)))
        holds(bytesOf(replaceSomewhere(document, path, replacement)))
      }),
      { numRuns: 1500 },
    )
  })

  it('are refused by name when they are no batch', () => {
    const refused = (bytes: Uint8Array): string => {
      const decoded = decodeBatch(bytes)
      return decoded.ok ? 'taken' : decoded.fault.kind
    }
    expect(refused(new Uint8Array())).toBe('not_json')
    expect(refused(bytesOf('<html>'))).toBe('not_json')
    expect(refused(Uint8Array.of(0x22, 0xff, 0x22))).toBe('not_json')
    expect(refused(bytesOf([]))).toBe('not_a_batch')
    expect(refused(bytesOf({ format: 'metergate-batch/2' }))).toBe('not_a_batch')
    expect(refused(new Uint8Array(WIRE_LIMITS.decodedBytes + 1))).toBe('too_large')
    expect(refused(bytesOf(`${'['.repeat(400_000)}${']'.repeat(400_000)}`))).toBe('too_large')
  })
})

describe('bombs', () => {
  const header = {
    format: 'metergate-batch/2',
    gateway: 'gw-k3v9q2x7',
    stream: '9f2c51d07a3be846c1d5f09a7e3b6248',
    stream_kind: 'ledger',
    number: 1,
    first: 1,
    last: 10_000,
    previous: null,
    software: 'metergate/0.1.0',
    config: 'c0ffee',
    boots: ['b'],
    layouts: [],
  }
  const table = { kind: 'event', rows: 10_000, seq: 5, boot: 0, quality: 'S', mono: 1, wall: 1 }

  it('of constant columns unfold only to the limits', () => {
    const columns = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`facts/k${i}`, i]))
    const decoded = decodeBatch(
      bytesOf({ ...header, tables: Array.from({ length: 10 }, () => ({ ...table, columns })) }),
    )
    expect(decoded).toMatchObject({ ok: true, value: { records: [] } })
    expect(decoded.ok && decoded.value.uninterpreted.at(-1)).toEqual({ record: undefined, reason: 'too many values' })
  })

  it('of ten thousand tables unfold only to the limits', () => {
    const decoded = decodeBatch(
      bytesOf({ ...header, tables: Array.from({ length: 9_000 }, () => ({ ...table, columns: {} })) }),
    )
    expect(decoded).toMatchObject({ ok: true, value: { records: [] } })
  })

  it('of a header that claims a trillion records are refused', () => {
    expect(decodeBatch(bytesOf({ ...header, last: 1e12, tables: [] }))).toMatchObject({
      ok: false,
      fault: { kind: 'not_a_batch' },
    })
  })
})

describe('what is not understood', () => {
  const header = {
    format: 'metergate-batch/2',
    gateway: 'gw-k3v9q2x7',
    stream: '9f2c51d07a3be846c1d5f09a7e3b6248',
    stream_kind: 'ledger',
    number: 1,
    first: 1,
    last: 3,
    previous: null,
    software: 'metergate/9.0.0',
    config: 'c0ffee',
    boots: ['b'],
    layouts: [],
  }
  const head = { boot: 0, quality: 'S', mono: 1, wall: 1 }
  const event = { kind: 'event', rows: 1, seq: 1, ...head, columns: { code: 'started', facts: { runs: [[1, {}]] } } }

  it('is named by record, and the rest is taken', () => {
    const future = { kind: 'weather', rows: 1, seq: 2, ...head, columns: { sky: 'blue' } }
    const decoded = decodeBatch(bytesOf({ ...header, tables: [event, future] }))
    expect(decoded).toMatchObject({
      ok: true,
      value: {
        records: [{ seq: 1, record: { kind: 'event', code: 'started' } }],
        uninterpreted: [
          { record: 2, reason: expect.stringContaining('weather') },
          { record: 3, reason: 'not in the batch' },
        ],
      },
    })
  })

  it('is named when it comes twice, outside, or in the wrong stream', () => {
    const decoded = decodeBatch(bytesOf({ ...header, stream_kind: 'detail', tables: [event, { ...event, seq: 9 }] }))
    expect(decoded.ok && decoded.value.uninterpreted.map(({ reason }) => reason)).toEqual([
      'event record in a detail stream',
      'not in the batch',
      'not in the batch',
      'record 9 is outside 1..3',
    ])
    const twice = decodeBatch(bytesOf({ ...header, last: 1, tables: [event, event] }))
    expect(twice.ok && twice.value.uninterpreted).toEqual([{ record: undefined, reason: 'record 1 comes twice' }])
  })

  it('may be a header member of a later version', () => {
    expect(decodeBatch(bytesOf({ ...header, last: 1, tables: [event], weather: 'fine' }))).toMatchObject({
      ok: true,
      value: { uninterpreted: [] },
    })
  })
})
