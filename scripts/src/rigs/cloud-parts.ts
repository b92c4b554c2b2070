import { type ChildProcess, spawn } from 'node:child_process'
import { once, setMaxListeners } from 'node:events'
import { gzipSync } from 'node:zlib'
import {
  CloudHttp,
  createKey,
  HttpUplink,
  parseCloudUrl,
  type SealedBatch,
  SystemClock,
  SystemRandom,
  type UplinkFault,
  type UplinkReceipt,
} from '@metergate/agent'
import { openStore } from '@metergate/cloud-api'
import {
  amount,
  BATCH_FORMAT,
  batchHeaderSchema,
  batchNumberSchema,
  contentDigest,
  durationMs,
  encodeBatch,
  epochMs,
  type GatewayId,
  gatewayIdSchema,
  invariant,
  type ReadingRecord,
  type Result,
  readingRecordSchema,
  type Sha256Hex,
  seqSchema,
  sha256Hex,
  signatureBase,
  signatureHeaders,
  streamIdSchema,
} from '@metergate/protocol'
import { freePort } from '../demo/stack.js'
import { PROGRAMS } from '../system/program.js'
import { pause } from './writer-process.js'

export const clock = new SystemClock()
const random = new SystemRandom()

/** Hundreds of exchanges end by one signal. */
export function manyMayListen(controller: AbortController): AbortController {
  setMaxListeners(0, controller.signal)
  return controller
}

/** Where a server keeps what it takes in: one SQLite file, or a PostgreSQL database. */
export interface Place {
  readonly dataDir: string
  readonly databaseUrl?: string
}

/** The real server as a process of its own, that may be killed, stopped and started again at the same address. */
export class ServerProcess {
  private child: ChildProcess | undefined
  private output = ''

  private constructor(
    private readonly place: Place,
    private readonly port: number,
    private readonly prefix: readonly string[],
  ) {}

  /** `prefix`: a tool it runs under, e.g. `taskset -c 0`. */
  static async start(place: Place, prefix: readonly string[] = []): Promise<ServerProcess> {
    const server = new ServerProcess(place, await freePort(0), prefix)
    await server.start()
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get pid(): number {
    return this.child?.pid ?? 0
  }

  async start(): Promise<void> {
    const { dataDir, databaseUrl } = this.place
    const args = ['serve', '--port', String(this.port), '--data-dir', dataDir, '--log-level', 'fatal']
    const where = databaseUrl === undefined ? [] : ['--database-url', databaseUrl]
    const [command = process.execPath, ...rest] = [...this.prefix, process.execPath, PROGRAMS.cloud, ...args, ...where]
    this.output = ''
    this.child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output = `${this.output}${text}`.slice(-2_000)
      })
    }
    const until = clock.mono() + 120_000
    while (!this.output.includes('listens on')) {
      invariant(this.child.exitCode === null && clock.mono() < until, `the server did not start: ${this.output}`)
      await pause(10)
    }
  }

  /** What it said last when it has ended by itself or was killed; undefined while it runs. */
  get lastWords(): string | undefined {
    const { child } = this
    if (child && child.exitCode === null && child.signalCode === null) return undefined
    return `code ${child?.exitCode ?? child?.signalCode}: ${this.output.trim().slice(-500)}`
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal)
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const { child } = this
    if (!child || this.lastWords !== undefined) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }
}

/** A gateway with the agent's own key, sealed batches and way to the cloud, and no box around it. */
export class Sender {
  readonly key = createKey(random)
  /** What the cloud has acknowledged: by number, the hash. */
  readonly acknowledged = new Map<number, Sha256Hex>()
  private number = 0
  private seq = 0
  private previous: Sha256Hex | null = null
  private readonly uplink: HttpUplink

  constructor(
    readonly id: GatewayId,
    url: string,
    readonly stream = streamIdSchema.parse(Buffer.from(random.bytes(16)).toString('hex')),
  ) {
    const parsed = parseCloudUrl(url)
    invariant(parsed.ok, `${url} is an address`)
    this.uplink = new HttpUplink(new CloudHttp(parsed.value, clock), {
      gateway: id,
      key: this.key,
      clock,
      timeout: durationMs(20_000),
    })
  }

  /** The next batch of the stream, sealed. */
  seal(records: readonly ReadingRecord[]): SealedBatch {
    this.number += 1
    const first = seqSchema.parse(this.seq + 1)
    this.seq += records.length
    const last = seqSchema.parse(this.seq)
    const number = batchNumberSchema.parse(this.number)
    const header = batchHeaderSchema.parse({
      format: BATCH_FORMAT,
      gateway: this.id,
      stream: this.stream,
      stream_kind: 'detail',
      number,
      first,
      last,
      previous: this.previous,
      software: 'rig/1',
      config: 'c1',
    })
    const rows = records.map((record, index) => ({ seq: seqSchema.parse(first + index), record }))
    const bytes = encodeBatch(header, rows)
    const sha256 = sha256Hex(bytes)
    this.previous = sha256
    const { stream } = this
    const body = gzipSync(bytes, { level: 1 })
    return {
      streamKind: 'detail',
      stream,
      number,
      first,
      last,
      sha256,
      encoding: 'gzip',
      body,
      decodedSize: bytes.length,
    }
  }

  /** Sends it, and notes what the answer acknowledges. */
  async send(batch: SealedBatch, signal?: AbortSignal): Promise<Result<UplinkReceipt, UplinkFault>> {
    const outcome = await this.uplink.send(batch, signal)
    if (outcome.ok) for (const { number, sha256 } of outcome.value.committed) this.acknowledged.set(number, sha256)
    return outcome
  }

  /** The request as it goes over the wire, for whoever sends it by other means. */
  request({ body, encoding }: SealedBatch): { readonly headers: Record<string, string>; readonly body: Uint8Array } {
    const created = Math.floor(clock.wall() / 1000)
    const asked = { method: 'POST', path: '/v1/batches', contentDigest: contentDigest(body), created, keyId: this.id }
    const signed = signatureHeaders(asked, this.key.sign(signatureBase(asked)))
    return { headers: { 'content-type': 'application/json', 'content-encoding': encoding, ...signed }, body }
  }

  heartbeat(body: unknown): ReturnType<HttpUplink['heartbeat']> {
    return this.uplink.heartbeat(body)
  }
}

/** Gateways enrolled straight in the server's store, before it serves: a thousand by HTTP would only be slow. */
export async function enrolSenders(place: Place, url: string, count: number): Promise<Sender[]> {
  const store = await openStore(place)
  const senders: Sender[] = []
  const at = clock.wall()
  for (let index = 0; index < count; index += 1) {
    const id = gatewayIdSchema.parse(`gw-rig${Buffer.from(random.bytes(6)).toString('hex')}`)
    const sender = new Sender(id, url)
    const codeHash = sha256Hex(id)
    await store.registry.invite({ codeHash, name: id, createdAt: at, expiresAt: epochMs(at + 60_000) })
    const { publicKey } = sender.key
    const asked = { codeHash, gateway: id, publicKey, name: id, software: 'rig/1', at }
    const outcome = await store.registry.enrol(asked)
    invariant(outcome.kind === 'enrolled', `${id}: ${outcome.kind}`)
    senders.push(sender)
  }
  await store.close()
  return senders
}

/** `count` readings of a minute each from `begin`, milliseconds since 1970. */
export function readings(begin: number, count: number): ReadingRecord[] {
  return Array.from({ length: count }, (_, index) => {
    const at = begin + index * 60_000
    return readingRecordSchema.parse({
      kind: 'reading',
      stamp: { boot: 'rig', mono: index * 60_000, wall: at, quality: 'S' },
      meter: 'main',
      group: 'power',
      blocks: [0, 40],
      values: [
        { quantity: 'power_active_total', block: 0, value: amount(10_000 + (at % 977), -1) },
        { quantity: 'energy_active_import_total', block: 1, value: amount(Math.floor(at / 60_000) % 1e7, -2) },
      ],
    })
  })
}

/** What of the acknowledged batches the store does not hold, byte for byte, in words. */
export async function missingIn(place: Place, senders: readonly Sender[]): Promise<string[]> {
  const store = await openStore(place)
  const missing: string[] = []
  try {
    for (const { id, stream, acknowledged } of senders) {
      for (const [number, sha256] of acknowledged) {
        const stored = await store.reader.batch(id, stream, batchNumberSchema.parse(number))
        if (stored?.sha256 !== sha256) missing.push(`batch ${number} of ${id} was acknowledged and is not there`)
      }
      const rows = await store.reader.streams(id)
      const batches = rows.reduce((sum, row) => sum + row.batches, 0)
      const counted = rows.reduce((sum, row) => sum + row.records, 0)
      const held = (await store.reader.counts(id)).reduce((sum, row) => sum + row.readings, 0)
      if (counted !== held) missing.push(`${id}: ${batches} batches of ${counted} records, but ${held} readings`)
      for (const { chainBroken, conflicts } of rows) {
        if (chainBroken + conflicts > 0) missing.push(`${id}: ${chainBroken} broken links, ${conflicts} conflicts`)
      }
    }
  } finally {
    await store.close()
  }
  return missing
}
