import { z } from 'zod'
import { invariant } from '../invariant.js'
import { fail, ok, type Result } from '../result.js'
import { type BootId, bootIdSchema } from '../time.js'
import { isObject } from './canonical.js'
import { type DecodedBatch, Findings } from './findings.js'
import { type BatchHeader, batchHeaderSchema } from './header.js'
import { WIRE_LIMITS } from './limits.js'
import { decodePlainTable, PlainTables, plainWidth } from './plain-table.js'
import { decodeLayout, decodeReadingTable, type Layout, ReadingTables } from './reading-table.js'
import type { Numbered, StreamRecord } from './records.js'
import { decodeSeqs } from './row-head.js'

/** Why bytes are no batch at all. A batch whose header is read is never refused for what is in it. */
export type WireFault =
  | { readonly kind: 'too_large'; readonly why: string }
  | { readonly kind: 'not_json'; readonly why: string }
  | { readonly kind: 'not_a_batch'; readonly why: string }

/**
 * A batch as UTF-8 JSON, always the same bytes for the same records: header, then the boots, then one table per
 * meter, group and set of columns. Records must be those of `first..last` in order; a void batch has none.
 */
export function encodeBatch(header: BatchHeader, records: readonly Numbered[]): Uint8Array {
  invariant(records.length <= WIRE_LIMITS.records, `${records.length} records are more than a batch may have`)
  const expected = header.void ? 0 : header.last - header.first + 1
  invariant(records.length === expected, `batch ${header.first}..${header.last} with ${records.length} records`)
  const cells = records.reduce((sum, { record }) => sum + cellsOf(record), 0)
  invariant(cells <= WIRE_LIMITS.cells, `${cells} values are more than a batch may have`)
  const bootIndex = new Map<BootId, number>()
  const readings = new ReadingTables()
  const plain = new PlainTables()
  for (const [index, numbered] of records.entries()) {
    const { seq, record } = numbered
    invariant(seq === header.first + index, `record ${seq} where ${header.first + index} belongs`)
    if (!bootIndex.has(record.stamp.boot)) bootIndex.set(record.stamp.boot, bootIndex.size)
    if (record.kind === 'reading') readings.add({ seq, record })
    else plain.add({ seq, record })
  }
  const { layouts, tables } = readings.encode(bootIndex, header.format)
  const batch = {
    // zod brings the members into the order of the schema, so that equal headers are equal bytes.
    ...batchHeaderSchema.parse(header),
    boots: [...bootIndex.keys()],
    layouts,
    tables: [...tables, ...plain.encode(bootIndex)],
  }
  return new TextEncoder().encode(JSON.stringify(batch))
}

/** What a record counts for towards {@link WIRE_LIMITS}' cells. */
export const cellsOf = (record: StreamRecord): number =>
  Math.max(1, record.kind === 'reading' ? record.values.length + record.blocks.length : plainWidth(record))

const bodySchema = z.object({
  boots: z.array(bootIdSchema).max(WIRE_LIMITS.boots),
  layouts: z.array(z.unknown()).max(WIRE_LIMITS.layouts),
  tables: z.array(z.unknown()).max(WIRE_LIMITS.tables),
})

/**
 * Reads a batch. Bytes first, understanding second: a table or record it can't interpret is named in
 * `uninterpreted` and refuses nothing else. Never throws, whatever the bytes.
 */
export function decodeBatch(bytes: Uint8Array): Result<DecodedBatch, WireFault> {
  const parsed = parseJson(bytes)
  if (!parsed.ok) return parsed
  const header = batchHeaderSchema.safeParse(parsed.value)
  if (!header.success) return fail({ kind: 'not_a_batch', why: firstIssue(header.error) })
  const found = new Findings(header.data)
  if (header.data.void) return ok(found.result())
  const body = bodySchema.safeParse(parsed.value)
  if (body.success) {
    const { boots, layouts, tables } = body.data
    const reader = new BodyReader(boots, layouts.map(decodeLayout), found)
    for (const table of tables) reader.read(table)
  } else {
    found.missed(undefined, firstIssue(body.error))
  }
  return ok(found.result())
}

function parseJson(bytes: Uint8Array): Result<unknown, WireFault> {
  if (bytes.length > WIRE_LIMITS.decodedBytes) {
    return fail({ kind: 'too_large', why: `${bytes.length} bytes, the limit is ${WIRE_LIMITS.decodedBytes}` })
  }
  // Nesting is looked at before anything recursive sees it.
  if (depthOf(bytes) > WIRE_LIMITS.depth)
    return fail({ kind: 'too_large', why: `nested deeper than ${WIRE_LIMITS.depth}` })
  try {
    return ok(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
  } catch (error) {
    return fail({ kind: 'not_json', why: error instanceof Error ? error.message.slice(0, 200) : 'not JSON' })
  }
}

/** The deepest nesting of brackets outside strings. */
function depthOf(bytes: Uint8Array): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i]
    if (inString) {
      if (byte === 0x5c) i += 1
      else if (byte === 0x22) inString = false
    } else if (byte === 0x22) inString = true
    else if (byte === 0x5b || byte === 0x7b) {
      depth += 1
      deepest = Math.max(deepest, depth)
    } else if (byte === 0x5d || byte === 0x7d) depth -= 1
  }
  return deepest
}

export type { DecodedBatch, Uninterpreted } from './findings.js'

const firstIssue = (error: z.ZodError): string => {
  const issue = error.issues[0]
  return `${issue?.path.join('.') || 'batch'}: ${issue?.message ?? 'wrong'}`.slice(0, 200)
}

/** Reads table after table, within the limits of the whole batch. */
class BodyReader {
  private rows = 0
  private cells = 0

  constructor(
    private readonly boots: readonly BootId[],
    private readonly layouts: readonly (Layout | undefined)[],
    private readonly found: Findings,
  ) {}

  read(table: unknown): void {
    if (!isObject(table)) {
      this.found.missed(undefined, 'a table is no object')
      return
    }
    const outcome = this.readRows(table)
    if (typeof outcome !== 'string') return
    // Nothing of this table is understood; its records are named if their numbers can be read.
    const seqs = isRowCount(table.rows) && !this.isFull() ? decodeSeqs(table, table.rows) : undefined
    for (const seq of seqs ?? [undefined]) this.found.missed(seq, outcome)
  }

  /** The reason when nothing of the table is understood. */
  private readRows(table: Table): string | undefined {
    const { rows } = table
    if (!isRowCount(rows)) return 'a table without rows'
    this.rows += rows
    this.cells += rows * Math.max(1, width(table))
    if (this.isFull()) return 'too many values'
    return table.kind === 'reading' ? this.readings(table, rows) : this.plain(table, rows)
  }

  private isFull(): boolean {
    return this.rows > WIRE_LIMITS.records || this.cells > WIRE_LIMITS.cells
  }

  private readings(table: Table, rows: number): string | undefined {
    const readings = decodeReadingTable(table, rows, this.boots, this.layouts)
    if (typeof readings === 'string') return readings
    for (const { seq, record } of readings) this.found.take(seq, record)
    return undefined
  }

  private plain(table: Table, rows: number): string | undefined {
    const outcome = decodePlainTable(table, rows, this.boots)
    if (typeof outcome === 'string') return outcome
    for (const row of outcome) {
      if ('record' in row) this.found.take(row.seq, row.record)
      else this.found.missed(row.seq, row.reason)
    }
    return undefined
  }
}

type Table = { readonly [key: string]: unknown }

const isRowCount = (rows: unknown): rows is number =>
  typeof rows === 'number' && Number.isInteger(rows) && rows >= 1 && rows <= WIRE_LIMITS.records

function width(table: Table): number {
  if (Array.isArray(table.values)) return table.values.length + (Array.isArray(table.blocks) ? table.blocks.length : 0)
  return isObject(table.columns) ? Object.keys(table.columns).length : 1
}
