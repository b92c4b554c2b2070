import { batchNumberSchema, type StreamId } from '@metergate/protocol'
import type { RecordStore } from '../store/record-store.js'

/**
 * The highest batch number up to which the cloud has a whole stream, against the store. `never_sent`: it claims more than
 * there is. `forgotten`: the next one was acknowledged once and is still here, so the cloud has lost it (an old backup was
 * restored). `plausible`: it waits, or was given up and a gap record will tell.
 */
export function compareContiguous(
  store: Pick<RecordStore, 'health' | 'pending' | 'load'>,
  stream: StreamId,
  reached: number,
): 'plausible' | 'never_sent' | 'forgotten' {
  const own = store.health().streams.find((each) => each.stream === stream)
  if (!own) return 'plausible'
  if (reached > own.lastBatch) return 'never_sent'
  if (reached === own.lastBatch) return 'plausible'
  // While anything waits, the next one may be among it.
  if (store.pending(1).length > 0) return 'plausible'
  return store.load(stream, batchNumberSchema.parse(reached + 1)) ? 'forgotten' : 'plausible'
}
