import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { acceptBatch, openSqliteSeriesStore, readBatch, type SeriesStore, StoreUnavailable } from '@metergate/cloud-api'
import {
  batchNumberSchema,
  type DecodedBatch,
  decodeBatch,
  type EpochMs,
  epochMs,
  gatewayIdSchema,
  heartbeatRequestSchema,
  invariant,
  ok,
  type StreamId,
  sha256Hex,
  WIRE_LIMITS,
} from '@metergate/protocol'

/** What the cloud answers, before the network has its say. */
export interface CloudSays {
  readonly status: number
  readonly body: unknown
  readonly retryAfter?: string
}

export const GATEWAY = gatewayIdSchema.parse('gw-world0001')

/** The real ingest on a real SQLite file, without the HTTP around it. */
export class WorldCloud {
  private constructor(
    readonly store: SeriesStore,
    private readonly now: () => number,
  ) {}

  static async open(file: string, now: () => number): Promise<WorldCloud> {
    const store = await openSqliteSeriesStore(file)
    const at = epochMs(Math.round(now()))
    const codeHash = sha256Hex('an invitation')
    await store.registry.invite({ codeHash, name: 'world', createdAt: at, expiresAt: epochMs(at + 1000) })
    const publicKey = Buffer.alloc(32).toString('base64')
    await store.registry.enrol({ codeHash, gateway: GATEWAY, publicKey, name: 'world', software: 'world/1', at })
    return new WorldCloud(store, now)
  }

  /** POST /v1/batches, from the decompressed bytes to the answer. */
  async batch(body: Uint8Array, encoding: 'br' | 'gzip'): Promise<CloudSays> {
    const received = { gateway: GATEWAY, encoding, body, decoded: unpack(body, encoding), receivedAt: this.wall() }
    const read = readBatch(received)
    if (!read.ok) return this.problem(422, 'batch_unreadable', read.fault.why)
    try {
      const batch = acceptBatch(received, read.value, unpackAtOnce)
      const outcome = await this.store.ingest.commit(batch)
      const { stream, number } = batch.header
      switch (outcome.kind) {
        case 'conflict':
          return this.problem(409, 'batch_conflict', `batch ${number} is stored with SHA-256 ${outcome.held}`)
        case 'not_enrolled':
          return this.problem(403, 'gateway_revoked', 'no such gateway')
        default: {
          const { contiguous, rejected } = outcome
          const committed = [{ stream, number, sha256: batch.sha256 }]
          const answer = { committed, contiguous: [{ stream, number: contiguous }], rejected }
          return { status: 200, body: { ...answer, server_time: this.wall() } }
        }
      }
    } catch (error) {
      if (error instanceof StoreUnavailable) return { ...this.problem(503, 'busy', error.message), retryAfter: '5' }
      throw error
    }
  }

  /** What an ingest would say that acknowledges before it commits, and then dies. */
  lie(body: Uint8Array, encoding: 'br' | 'gzip'): CloudSays {
    const decoded = unpack(body, encoding)
    const read = decodeBatch(decoded)
    invariant(read.ok, 'a sealed batch can be read')
    const { stream, number } = read.value.header
    const committed = [{ stream, number, sha256: sha256Hex(decoded) }]
    return { status: 200, body: { committed, contiguous: [], rejected: [], server_time: this.wall() } }
  }

  /** POST /v1/heartbeat. */
  async heartbeat(body: unknown): Promise<CloudSays> {
    const read = heartbeatRequestSchema.safeParse(body)
    if (!read.success) return this.problem(400, 'malformed_request', read.error.message.slice(0, 400))
    await this.store.ingest.heartbeat(GATEWAY, read.data, this.wall())
    return { status: 200, body: { server_time: this.wall() } }
  }

  /** Everything committed, as it came. */
  async *batches(): AsyncGenerator<{ stream: StreamId; number: number; batch: DecodedBatch }> {
    for (const { stream, lastBatch } of await this.store.reader.streams(GATEWAY)) {
      for (let number = 1; number <= lastBatch; number += 1) {
        const stored = await this.store.reader.batch(GATEWAY, stream, batchNumberSchema.parse(number))
        if (!stored) continue
        const bytes = unpack(stored.body, stored.encoding)
        invariant(sha256Hex(bytes) === stored.sha256, `batch ${number} of ${stream} is not what was acknowledged`)
        const batch = decodeBatch(bytes)
        invariant(batch.ok, `batch ${number} of ${stream} cannot be read back`)
        yield { stream, number, batch: batch.value }
      }
    }
  }

  wall(): EpochMs {
    return epochMs(Math.round(this.now()))
  }

  private problem(status: number, code: string, detail: string): CloudSays {
    return { status, body: { type: 'about:blank', title: code, status, code, detail, server_time: this.wall() } }
  }
}

/** Virtual time must not go on meanwhile, as it would while another thread unpacks: the same seed would give another trace. */
const unpackAtOnce = async (body: Uint8Array, encoding: 'br' | 'gzip') => ok(unpack(body, encoding))

export function unpack(body: Uint8Array, encoding: 'br' | 'gzip'): Uint8Array {
  const limit = { maxOutputLength: WIRE_LIMITS.decodedBytes }
  return encoding === 'br' ? brotliDecompressSync(body, limit) : gunzipSync(body, limit)
}
