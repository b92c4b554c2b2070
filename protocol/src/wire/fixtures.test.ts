import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { seqSchema, sha256HexSchema } from '../ids.js'
import { decodeBatch, encodeBatch } from './batch.js'
import { canonicalJson, sha256Hex } from './canonical.js'
import { batchHeaderSchema, verifyChain } from './header.js'
import { streamRecordSchema } from './records.js'

/**
 * Batches as they were sealed once, and what is in them. Added to, never edited: bytes like these lie in stores and
 * clouds. A new one is made by writing its `.expected.json` and running this test with METERGATE_ADD_FIXTURES=1,
 * which writes the missing `.batch.json` and touches no other.
 */
const FOLDER = fileURLToPath(new URL('../../fixtures/wire/', import.meta.url))
const names = ['v1', 'v2', 'v3'].flatMap((version) =>
  readdirSync(`${FOLDER}${version}`)
    .filter((name) => name.endsWith('.expected.json'))
    .map((name) => `${version}/${name.replace('.expected.json', '')}`)
    .sort(),
)

const expectedSchema = z.strictObject({
  what: z.string(),
  header: batchHeaderSchema,
  records: z.array(z.strictObject({ seq: seqSchema, record: streamRecordSchema })),
})
const expectedOf = (name: string) =>
  expectedSchema.parse(JSON.parse(readFileSync(`${FOLDER}${name}.expected.json`, 'utf8')))

function bytesOf(name: string): Uint8Array {
  const path = `${FOLDER}${name}.batch.json`
  if (!existsSync(path) && process.env.METERGATE_ADD_FIXTURES === '1') {
    const { header, records } = expectedOf(name)
    writeFileSync(path, encodeBatch(header, records), { flag: 'wx' })
  }
  return readFileSync(path)
}

describe('frozen batches (fixtures/wire)', () => {
  it('are all there', () => {
    const each = ['copied-records', 'detail', 'ledger', 'mixed-absences', 'void']
    const all = [...each.map((name) => `v1/${name}`), ...each.map((name) => `v2/${name}`), 'v2/laws', 'v3/laws']
    expect(names).toEqual(expect.arrayContaining(all))
  })

  it.each(names)('%s is read by today’s decoder', (name) => {
    const { header, records } = expectedOf(name)
    expect(decodeBatch(bytesOf(name))).toEqual({ ok: true, value: { header, records, uninterpreted: [] } })
  })

  it.each(names)('%s is written byte for byte by today’s encoder', (name) => {
    const { header, records } = expectedOf(name)
    expect(new TextDecoder().decode(encodeBatch(header, records))).toBe(new TextDecoder().decode(bytesOf(name)))
  })

  it.each(names)('%s has not been edited', (name) => {
    const [version, file] = name.split('/')
    const text = readFileSync(`${FOLDER}${version}/sums.json`, 'utf8')
    const sums = z.record(z.string(), sha256HexSchema).parse(JSON.parse(text))
    expect(sums[`${file}.batch.json`]).toBe(sha256Hex(bytesOf(name)))
    expect(sums[`${file}.expected.json`]).toBe(sha256Hex(canonicalJson(expectedOf(name))))
  })
})

describe('the chain', () => {
  const hash = sha256Hex('one')
  const other = sha256Hex('two')
  const header = (number: number, previous: string | null) =>
    batchHeaderSchema.parse({ ...expectedOf('v1/detail').header, number, previous })

  it.each([
    ['the first batch has no predecessor', undefined, header(1, null), 'intact'],
    ['the first batch must not claim one', undefined, header(1, hash), 'broken'],
    ['a batch whose predecessor is not here yet', undefined, header(5, hash), 'unknown'],
    ['a batch that follows', { number: 4, sha256: hash }, header(5, hash), 'intact'],
    ['a changed predecessor', { number: 4, sha256: other }, header(5, hash), 'broken'],
    ['a removed one between', { number: 3, sha256: hash }, header(5, hash), 'broken'],
    ['a missing link', { number: 4, sha256: hash }, header(5, null), 'broken'],
    ['a predecessor that was voided', { number: 4, sha256: other, voided: hash }, header(5, hash), 'intact'],
  ] as const)('%s', (_, predecessor, next, verdict) => {
    expect(verifyChain(predecessor, next)).toBe(verdict)
  })
})
