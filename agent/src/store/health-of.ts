import { epochMs, type Stamp } from '@metergate/protocol'
import { peekChunk } from './chunk.js'
import type { StoreHealth, StreamState } from './record-store.js'
import { EVICTED } from './space.js'
import type { StreamRow, Tables } from './tables.js'

type Age = Pick<Stamp, 'boot' | 'mono'>

/** The store's part of a health snapshot; `degraded` is the caller's to know. */
export function healthOf(tables: Tables, sizeBytes: number, capBytes: number, now: Age): StoreHealth {
  return {
    streams: tables.streams().map((stream) => stateOf(tables, stream, now)),
    sizeBytes,
    capBytes,
    quarantined: tables.quarantined(),
    evictedRecords: tables.counter(EVICTED),
    degraded: undefined,
  }
}

function stateOf(tables: Tables, stream: StreamRow, now: Age): StreamState {
  const [oldestChunk] = tables.chunks(stream.id)
  const chunk = oldestChunk && peekChunk(oldestChunk)
  const unsealed = tables.unsealed(stream.id)
  const waiting = tables.waiting(stream.id)
  const oldestWall = waiting.oldest_wall ?? chunk?.wall
  return {
    kind: stream.kind,
    stream: stream.stream,
    lastSeq: stream.last_seq,
    lastSealed: tables.lastSealed(stream.id),
    lastBatch: stream.last_batch,
    unacknowledged: waiting.records + unsealed,
    oldestUnacknowledged: oldestWall === undefined ? undefined : epochMs(oldestWall),
    unsealed,
    oldestUnsealedAgeMs: chunk && (chunk.head.boot === now.boot ? now.mono - chunk.head.mono : Number.MAX_SAFE_INTEGER),
  }
}
