import { type Seq, seqSchema } from '@metergate/protocol'
import type { BatchContents, BatchToCommit, CommitOutcome, Ingest } from '../store/series-store.js'
import { StoreUnavailable } from '../store/sql.js'

/**
 * Commits a batch; when what was understood of it cannot be filed (our own mistake, or data nobody thought of), the
 * bytes are committed alone and every record is reported as rejected. A batch that failed the same way for ever
 * would block its gateway's whole stream.
 */
export async function commitOrKeepBytes(
  ingest: Pick<Ingest, 'commit'>,
  batch: BatchToCommit,
  report: (error: unknown) => void,
): Promise<CommitOutcome> {
  try {
    return await ingest.commit(batch)
  } catch (error) {
    if (error instanceof StoreUnavailable) throw error
    report(error)
    return ingest.commit({ ...batch, contentsWithout: () => rejectAll(batch) })
  }
}

function rejectAll({ header }: BatchToCommit): BatchContents {
  const count = header.void ? 0 : header.last - header.first + 1
  const reason = 'kept, but the server could not file it'
  const records = Array.from({ length: count }, (_, index): Seq => seqSchema.parse(header.first + index))
  return {
    spans: [],
    slots: [],
    newest: [],
    intervals: [],
    production: [],
    unitEnergy: [],
    events: [],
    gaps: [],
    anchors: [],
    undated: [],
    rejected: records.map((record) => ({ record, reason })),
  }
}
