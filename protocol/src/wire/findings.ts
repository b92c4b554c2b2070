import { type Seq, seqSchema } from '../ids.js'
import type { BatchHeader } from './header.js'
import type { Numbered, StreamRecord } from './records.js'

export interface DecodedBatch {
  readonly header: BatchHeader
  /** In the order of their numbers, each number once. */
  readonly records: readonly Numbered[]
  /** What could not be understood; `record` undefined when not even its number could be read. */
  readonly uninterpreted: readonly Uninterpreted[]
}
export interface Uninterpreted {
  readonly record: Seq | undefined
  readonly reason: string
}

/** What was read so far: each number of `first..last` once, as a record or as a reason why there is none. */
export class Findings {
  private readonly records = new Map<number, Numbered>()
  private readonly reasons = new Map<number, Uninterpreted>()
  private readonly unnumbered = new Set<string>()

  constructor(private readonly header: BatchHeader) {}

  take(seq: Seq, record: StreamRecord): void {
    const { first, last, stream_kind } = this.header
    const fits = (record.kind === 'reading') === (stream_kind === 'detail')
    if (seq < first || seq > last) this.missed(undefined, `record ${seq} is outside ${first}..${last}`)
    else if (this.records.has(seq)) this.missed(undefined, `record ${seq} comes twice`)
    else if (!fits) this.missed(seq, `${record.kind} record in a ${stream_kind} stream`)
    else this.records.set(seq, { seq, record })
  }

  missed(record: Seq | undefined, reason: string): void {
    const inside = record !== undefined && record >= this.header.first && record <= this.header.last
    if (!inside) this.unnumbered.add(reason)
    else if (!this.records.has(record)) this.reasons.set(record, { record, reason })
  }

  result(): DecodedBatch {
    const { header } = this
    if (!header.void) this.nameTheMissing()
    const reasons = [...this.reasons].filter(([seq]) => !this.records.has(seq)).sort(([a], [b]) => a - b)
    return {
      header,
      records: [...this.records.values()].sort((a, b) => a.seq - b.seq),
      uninterpreted: [
        ...reasons.map(([, uninterpreted]) => uninterpreted),
        ...[...this.unnumbered].map((reason) => ({ record: undefined, reason })),
      ],
    }
  }

  private nameTheMissing(): void {
    const { first, last } = this.header
    for (let number: number = first; number <= last; number += 1) {
      if (this.records.has(number) || this.reasons.has(number)) continue
      this.reasons.set(number, { record: seqSchema.parse(number), reason: 'not in the batch' })
    }
  }
}
