import { epochMs } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import type { BatchToCommit, CommitOutcome } from '../store/series-store.js'
import { StoreUnavailable } from '../store/sql.js'
import { GatewayDouble } from '../testing/gateway-double.js'
import { event, T0 } from '../testing/records.js'
import { acceptBatch, readBatch } from './accept-batch.js'
import { commitOrKeepBytes } from './keep-bytes.js'

function batch(): BatchToCommit {
  const { header, decoded } = new GatewayDouble().seal([event(T0), event(T0 + 1)])
  const bytes = { gateway: header.gateway, encoding: 'br' as const, body: decoded, decoded, receivedAt: epochMs(T0) }
  const read = readBatch(bytes)
  if (!read.ok) throw new Error(read.fault.why)
  return acceptBatch(bytes, read.value)
}
const committed: CommitOutcome = { kind: 'committed', rejections: 0, contiguous: 1, rejected: [] }

describe('a batch whose contents cannot be filed', () => {
  it('is kept as bytes, with every record reported, instead of blocking its stream for ever', async () => {
    const tried: BatchToCommit[] = []
    const reported: unknown[] = []
    const ingest = {
      async commit(each: BatchToCommit) {
        tried.push(each)
        if (each.contentsWithout(new Set()).events.length > 0) throw new Error('value out of range')
        return committed
      },
    }
    const outcome = await commitOrKeepBytes(ingest, batch(), (error) => reported.push(error))
    expect(outcome).toEqual(committed)
    expect(reported).toHaveLength(1)
    expect(tried[1]?.sha256).toBe(tried[0]?.sha256)
    expect(tried[1]?.contentsWithout(new Set()).rejected.map(({ record }) => record)).toEqual([1, 2])
  })

  it('but a store that is only away for a while is waited for, with nothing given up', async () => {
    const ingest = { commit: () => Promise.reject(new StoreUnavailable('restarting')) }
    await expect(commitOrKeepBytes(ingest, batch(), () => undefined)).rejects.toBeInstanceOf(StoreUnavailable)
  })
})
