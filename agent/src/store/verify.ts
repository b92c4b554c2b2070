import { type BatchHeader, decodeBatch, type StreamId } from '@metergate/protocol'
import { decodeChunk } from './chunk.js'
import { decompress } from './compression.js'
import { queryRecords } from './history.js'
import { bodyFault } from './sealing.js'
import { type BatchRow, STATUS, type StreamRow, type Tables } from './tables.js'

/** Something in the store that is not as it was written. */
export interface Finding {
  readonly stream: StreamId
  readonly what: 'batch' | 'row' | 'stream'
  /** Batch number, or the record's number for rows and streams. */
  readonly number: number
  readonly first: number
  readonly why: string
}

/** How much was looked at, and what was found, in the order of each stream's numbers: the first is where it begins. */
export interface Verdict {
  readonly batches: number
  readonly rows: number
  readonly findings: readonly Finding[]
}

/**
 * Walks over the whole store and names whatever was changed, removed, inserted or reordered: each body against its
 * hash, each header against its row and its predecessor, each number against the one before it. Reads only.
 * Unsealed rows carry a checksum against decay; it is the chain and the cloud's receipt that bind a person with root.
 */
export function verifyStore(tables: Tables): Verdict {
  const settled = settledRanges(tables)
  const walks = tables.streams().map((each) => new StreamWalk(tables, each, settled.get(each.stream) ?? []).run())
  return {
    batches: walks.reduce((sum, each) => sum + each.batches, 0),
    rows: walks.reduce((sum, each) => sum + each.rows, 0),
    findings: walks.flatMap((each) => each.findings),
  }
}

class StreamWalk {
  private readonly findings: Finding[] = []
  private batches = 0
  private rows = 0
  private next = 1
  private lastId = 0

  constructor(
    private readonly tables: Tables,
    private readonly stream: StreamRow,
    private readonly settled: readonly Range[],
  ) {}

  run(): Verdict {
    this.walkBatches()
    this.walkRows()
    const { stream } = this
    if (this.next <= stream.last_seq && !this.isSettled(this.next, stream.last_seq)) {
      this.report('row', this.next, this.next, `records ${this.next} to ${stream.last_seq} were removed from the end`)
    }
    if (this.next > stream.last_seq + 1) {
      this.report('stream', stream.last_seq, stream.last_seq, `its high-water mark is below record ${this.next - 1}`)
    }
    return { batches: this.batches, rows: this.rows, findings: this.findings }
  }

  private walkBatches(): void {
    let before: BatchRow | undefined
    let expected = 1
    for (;;) {
      const page = this.tables.batches(
        'batch.stream = ? AND number > ?',
        'number',
        200,
        this.stream.id,
        before?.number ?? -1e15,
      )
      if (page.length === 0) break
      for (const row of page) {
        const named = row.first > this.next && this.isSettled(this.next, row.first - 1)
        if (row.number > expected && !named)
          this.report('batch', expected, this.next, `batches ${expected} to ${row.number - 1} were removed`)
        if (row.number < expected) this.report('batch', row.number, row.first, 'it was inserted')
        this.look(row, before)
        expected = row.number + 1
        before = row
      }
    }
    const { last_batch, last_sha256 } = this.stream
    if (expected <= last_batch)
      this.report('batch', expected, this.next, `batches ${expected} to ${last_batch} were removed`)
    else if (before && last_sha256 !== null && last_sha256 !== before.sha256 && last_sha256 !== before.voided_sha256) {
      this.report('batch', before.number, before.first, 'it is not the batch that was sealed last')
    }
  }

  private look(row: BatchRow, before: BatchRow | undefined): void {
    this.batches += 1
    if (row.id <= this.lastId) this.report('batch', row.number, row.first, 'it was put in another place')
    this.lastId = row.id
    const body = this.tables.body(row.id)
    if (!body && row.status === STATUS.pending) this.report('batch', row.number, row.first, 'its bytes were removed')
    const fault = body && (bodyFault(row, body) ?? headerFault(row, body))
    if (fault !== undefined) this.report('batch', row.number, row.first, fault)
    const chained = row.previous === null ? row.number === 1 : row.number > 1
    const broken =
      before &&
      before.number === row.number - 1 &&
      row.previous !== before.sha256 &&
      row.previous !== before.voided_sha256
    if (!chained || broken) this.report('batch', row.number, row.first, 'it does not follow the batch before it')
    // Successors of a refused batch bring its records again under their own numbers.
    if (row.first > this.next && !this.isSettled(this.next, row.first - 1)) {
      this.report('batch', row.number, this.next, `records ${this.next} to ${row.first - 1} are missing before it`)
    }
    this.next = Math.max(this.next, row.last + 1)
  }

  private walkRows(): void {
    let lastId = 0
    for (const row of this.tables.chunks(this.stream.id)) {
      const chunk = decodeChunk(row)
      this.rows += row.last - row.first + 1
      if (!chunk.ok) this.report('row', row.first, row.first, chunk.fault)
      else if (chunk.value.head.first !== row.first || chunk.value.head.stream !== this.stream.stream) {
        this.report('row', row.first, row.first, 'it belongs to another place')
      } else if (chunk.value.rows.length !== row.last - row.first + 1) {
        this.report('row', row.first, row.first, 'it does not hold the records it says')
      }
      if (row.first < this.next || row.id <= lastId)
        this.report('row', row.first, row.first, 'it was inserted or reordered')
      else if (row.first > this.next && !this.isSettled(this.next, row.first - 1)) {
        this.report('row', this.next, this.next, `records ${this.next} to ${row.first - 1} were removed`)
      }
      this.next = Math.max(this.next, row.last + 1)
      lastId = row.id
    }
  }

  /** Is every number of the range named by gap records or by rows set aside? */
  private isSettled(first: number, last: number): boolean {
    let next = first
    for (const [from, to] of this.settled) if (from <= next && to >= next) next = to + 1
    return next > last
  }

  private report(what: Finding['what'], number: number, first: number, why: string): void {
    this.findings.push({ stream: this.stream.stream, what, number, first, why })
  }
}

type Range = readonly [first: number, last: number]

/**
 * Numbers of each stream that need not be in it: named by a gap record, set aside as damaged, or copied to the stream
 * that follows it (as that stream's records say).
 */
function settledRanges(tables: Tables): ReadonlyMap<StreamId, readonly Range[]> {
  const settled = new Map<StreamId, Range[]>()
  const add = (stream: StreamId, range: Range) => settled.set(stream, [...(settled.get(stream) ?? []), range])
  for (const { record } of queryRecords(() => tables, { stream: 'ledger', kinds: ['gap'] })) {
    if (record.kind === 'gap') add(record.stream, [record.first, record.last])
  }
  for (const { stream, first, last } of tables.damagedRanges()) add(stream, [first, last])
  if (tables.streams().some((each) => !each.current)) {
    for (const { stream, was, count } of copies(tables)) add(stream, [was, was + count - 1])
  }
  for (const ranges of settled.values()) ranges.sort(([a], [b]) => a - b)
  return settled
}

function* copies(tables: Tables): Generator<{ stream: StreamId; was: number; count: number }> {
  for (const { id } of tables.streams()) {
    for (const row of tables.chunks(id)) {
      const chunk = decodeChunk(row)
      const origin = chunk.ok ? chunk.value.head.origin : undefined
      if (origin) yield { stream: origin.stream, was: origin.seq, count: row.last - row.first + 1 }
    }
    for (const row of tables.batches('batch.stream = ? AND body IS NOT NULL', 'number', 1e9, id)) {
      const body = tables.body(row.id)
      const bytes = body && decompress(body, row.encoding)
      const decoded = bytes?.ok ? decodeBatch(bytes.value) : undefined
      if (decoded?.ok) yield* decoded.value.header.origin ?? []
    }
  }
}

function headerFault(row: BatchRow, body: Uint8Array): string | undefined {
  const bytes = decompress(body, row.encoding)
  const decoded = bytes.ok ? decodeBatch(bytes.value) : undefined
  if (!decoded?.ok) return 'it cannot be read'
  const { header, uninterpreted } = decoded.value
  if (uninterpreted.length > 0) return `record ${uninterpreted[0]?.record ?? '?'} cannot be read`
  return isSame(header, row) ? undefined : 'its row says something else than its bytes'
}

const isSame = (header: BatchHeader, row: BatchRow): boolean =>
  header.stream === row.stream_id &&
  header.number === row.number &&
  header.first === row.first &&
  header.last === row.last &&
  header.previous === row.previous
