import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import {
  BATCH_FORMAT,
  type BatchHeader,
  batchHeaderSchema,
  contentDigest,
  encodeBatch,
  type HeartbeatRequest,
  type Numbered,
  type Sha256Hex,
  type StreamRecord,
  seqSchema,
  sha256Hex,
  signatureBase,
  signatureHeaders,
} from '@metergate/protocol'

/** A gateway as tests need it: a real key, real batches, real signatures, every lie a test wants to tell. */
export class GatewayDouble {
  readonly publicKey: string
  id = 'gw-00000000'
  private readonly key: KeyObject
  private number = 0
  private seq = 0
  private previous: Sha256Hex | null = null

  constructor(
    readonly stream: string = 'a'.repeat(32),
    { publicKey, privateKey } = generateKeyPairSync('ed25519'),
  ) {
    this.key = privateKey
    const der = publicKey.export({ type: 'spki', format: 'der' })
    this.publicKey = der.subarray(der.length - 32).toString('base64')
  }

  /** The same box writing another stream. */
  withStream(stream: string): GatewayDouble {
    const other = new GatewayDouble(stream, { publicKey: createPublicKey(this.key), privateKey: this.key })
    other.id = this.id
    return other
  }

  /** Goes on as a box does whose store knows the stream up to this batch; `record` is the last whose number is taken. */
  goOnAfter({ header, sha256 }: TestBatch, record: number = header.last): void {
    this.number = header.number
    this.seq = record
    this.previous = sha256
  }

  /** Seals the next batch of the stream. */
  seal(records: readonly StreamRecord[], change: Partial<Record<keyof BatchHeader, unknown>> = {}): TestBatch {
    this.number += 1
    const numbered = records.map((record): Numbered => {
      this.seq += 1
      return { seq: seqSchema.parse(this.seq), record }
    })
    const header = batchHeaderSchema.parse({
      format: BATCH_FORMAT,
      gateway: this.id,
      stream: this.stream,
      stream_kind: records[0]?.kind === 'reading' ? 'detail' : 'ledger',
      number: this.number,
      first: this.seq - records.length + 1,
      last: this.seq,
      previous: this.previous,
      software: 'test/1',
      config: 'c1',
      ...change,
    })
    const batch = new TestBatch(header, encodeBatch(header, numbered))
    this.previous = batch.sha256
    return batch
  }

  /** A signed request as `inject` and `fetch` take it. */
  signed(path: string, body: Uint8Array, headers: Record<string, string> = {}, keyId: string = this.id) {
    const request = {
      method: 'POST',
      path,
      contentDigest: contentDigest(body),
      created: 42,
      keyId,
    }
    const signature = sign(null, Buffer.from(signatureBase(request)), this.key)
    return {
      method: 'POST' as const,
      url: path,
      headers: { 'content-type': 'application/json', ...signatureHeaders(request, signature), ...headers },
      payload: Buffer.from(body),
    }
  }

  post(batch: TestBatch, encoding: 'br' | 'gzip' = 'br') {
    return this.signed('/v1/batches', batch.body(encoding), { 'content-encoding': encoding })
  }

  beat(body: HeartbeatRequest) {
    return this.signed('/v1/heartbeat', Buffer.from(JSON.stringify(body)))
  }
}

export class TestBatch {
  readonly sha256: Sha256Hex

  constructor(
    readonly header: BatchHeader,
    readonly decoded: Uint8Array,
  ) {
    this.sha256 = sha256Hex(decoded)
  }

  body(encoding: 'br' | 'gzip' = 'br'): Uint8Array {
    return encoding === 'br' ? brotliCompressSync(this.decoded) : gzipSync(this.decoded)
  }
}
