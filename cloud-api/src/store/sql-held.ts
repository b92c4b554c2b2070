import {
  type BatchNumber,
  canonicalJson,
  type DecodedBatch,
  originOf,
  type StreamId,
  type StreamRecord,
  seqSchema,
} from '@metergate/protocol'
import type { BatchToCommit } from './series-store.js'
import type { SqlTransaction } from './sql.js'
import { readBytes } from './sql-bytes.js'

/** A stored batch, by its stream and number. */
export interface Holder {
  readonly stream: StreamId
  readonly number: BatchNumber
}
/** Where a record is, or was at first. */
export interface Place {
  readonly stream: StreamId
  readonly record: number
}
type Records = ReadonlyMap<number, StreamRecord>

/** Batches kept decoded: those around one place, and a copy beside its original. */
const KEPT = 8

/** Looks into stored batches, to compare what a new one carries with what is held under the same number. */
export class HeldBatches {
  private readonly own: Records
  private readonly kept = new Map<string, Promise<Records>>()

  constructor(
    private readonly tx: SqlTransaction,
    private readonly batch: BatchToCommit,
  ) {
    this.own = new Map(batch.records.map(({ seq, record }) => [seq, record]))
  }

  /** `unknown`: one of the two cannot be read, so they cannot be told apart by what they say. */
  async compare(seq: number, holder: Holder, place: Place): Promise<'same' | 'other' | 'unknown'> {
    const mine = this.own.get(seq)
    const theirs = (await this.recordsOf(holder, place.stream)).get(place.record)
    if (!mine && !theirs) return 'same'
    if (!mine || !theirs) return 'unknown'
    return canonicalJson(mine) === canonicalJson(theirs) ? 'same' : 'other'
  }

  /** The records of a batch by the numbers they had in `stream`, their own or the one they were copied from. */
  private recordsOf(holder: Holder, stream: StreamId): Promise<Records> {
    const key = `${holder.stream} ${holder.number} ${stream}`
    const known = this.kept.get(key) ?? this.load(holder, stream)
    this.kept.set(key, known)
    const [oldest] = this.kept.keys()
    if (this.kept.size > KEPT && oldest !== undefined) this.kept.delete(oldest)
    return known
  }

  private async load(holder: Holder, stream: StreamId): Promise<Records> {
    const stored = await readBytes(this.tx, this.batch.header.gateway, holder.stream, holder.number)
    const decoded = stored && (await this.batch.readHeld(stored))
    return decoded ? byPlace(decoded, stream) : new Map()
  }
}

function byPlace({ header, records }: DecodedBatch, stream: StreamId): Records {
  const found = new Map<number, StreamRecord>()
  for (const { seq, record } of records) {
    const origin = originOf(header, seqSchema.parse(seq))
    if (origin?.stream === stream) found.set(origin.seq, record)
    if (header.stream === stream) found.set(seq, record)
  }
  return found
}
