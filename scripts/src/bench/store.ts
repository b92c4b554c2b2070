import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import {
  CloudHttp,
  createKey,
  FRUGAL_COMPRESSION,
  HttpUplink,
  parseCloudUrl,
  type SealedBatch,
  SqliteRecordStore,
  SystemClock,
  SystemDisk,
  SystemRandom,
} from '@metergate/agent'
import { durationMs, gatewayIdSchema, invariant, type ReadingRecord } from '@metergate/protocol'
import { type BenchResult, median, type Row, round, type Target } from './figures.js'
import { frozenReadings } from './frozen-readings.js'

const METERS = 8
const ROUNDS_A_MINUTE = 6
const GATEWAY = gatewayIdSchema.parse('gw-0123456789')
const valuesIn = (records: readonly ReadingRecord[]): number =>
  records.reduce((sum, { values }) => sum + values.length, 0)

/** A real store on a real file in a folder of its own, gone afterwards. */
async function withStore<T>(work: (store: SqliteRecordStore, folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'metergate-bench-'))
  const store = new SqliteRecordStore({
    folder,
    clock: new SystemClock(),
    random: new SystemRandom(),
    disk: new SystemDisk(),
    sealer: () => ({ gateway: GATEWAY, software: 'metergate/bench', config: 'bench' }),
    // As the daemon sets it.
    settings: { commitEveryMs: 60_000, ballastBytes: 0, compression: FRUGAL_COMPRESSION },
  })
  const started = store.start()
  invariant(started.ok, 'the store opens')
  try {
    return await work(store, folder)
  } finally {
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Readings a second that reach the disk, `perCommit` at a time, each commit waited for. */
function appendRate(readings: readonly ReadingRecord[], perCommit: number): Promise<number> {
  return withStore(async (store) => {
    const count = Math.min(readings.length, perCommit * 100)
    const begun = performance.now()
    for (let at = 0; at < count; at += perCommit) {
      const storing = store.append(readings.slice(at, at + perCommit))
      await store.flush()
      const stored = await storing
      invariant(stored.ok, 'the disk takes it')
    }
    return (count * 1000) / (performance.now() - begun)
  })
}

/** How fast readings are stored, by the size of the group commit. */
export async function benchStore(rounds: number): Promise<BenchResult> {
  const readings = frozenReadings()
  const sizes = [1, 10, 60]
  const rates = new Map<number, number[]>(sizes.map((size) => [size, []]))
  // Round by round, so that a disk that slows down meanwhile slows all of them.
  for (let turn = 0; turn < rounds; turn += 1)
    for (const size of sizes) rates.get(size)?.push(await appendRate(readings, size))
  return {
    title: 'store: readings a second that reach the disk',
    how: `20 quantities a reading, SQLite with synchronous=FULL, every commit waited for; median of ${rounds}`,
    rows: [...rates].map(([size, own]) => ({
      'readings per commit': size,
      'readings/s': round(median(own), 0),
      'commits/s': round(median(own) / size, 0),
    })),
  }
}

/** Bytes of the folder's database files. */
const sizeOf = (folder: string): number =>
  readdirSync(folder).reduce(
    (sum, name) => sum + (/^store\.sqlite/.test(name) ? statSync(join(folder, name)).size : 0),
    0,
  )

/**
 * Bytes by which the file grows for one more hour of sealed batches: two hours more, halved, so that pages an empty store has and
 * those that held rows before they were sealed do not count as data.
 */
async function growth(readings: readonly ReadingRecord[], minutes: number): Promise<number> {
  const sizeOfHours = (hours: number): Promise<number> =>
    withClosedSize(async (store) => {
      for (let hour = 0; hour < hours; hour += 1) store.acknowledge(await sealInBatches(store, readings, minutes))
      await store.flush()
    })
  return ((await sizeOfHours(3)) - (await sizeOfHours(1))) / 2
}

function withClosedSize(work: (store: SqliteRecordStore) => Promise<void>): Promise<number> {
  return withStore(async (store, folder) => {
    await work(store)
    await store.close()
    return sizeOf(folder)
  })
}

/** Appends the readings and seals a batch after every `minutes` of them. */
async function sealInBatches(
  store: SqliteRecordStore,
  readings: readonly ReadingRecord[],
  minutes: number,
): Promise<SealedBatch[]> {
  const each = METERS * ROUNDS_A_MINUTE * minutes
  const batches: SealedBatch[] = []
  for (let at = 0; at < readings.length; at += each) {
    const storing = store.append(readings.slice(at, at + each))
    await store.flush()
    const stored = await storing
    invariant(stored.ok, 'the disk takes it')
    for (;;) {
      const batch = store.seal('detail', { minAgeMs: 0, maxDecodedBytes: 256 * 1024 })
      if (!batch) break
      batches.push(batch)
    }
  }
  return batches
}

/** Bytes on an HTTP connection for these batches, request line, signature and all other headers included; TLS left out. */
async function bytesOnTheWire(batches: readonly SealedBatch[]): Promise<number> {
  let bytes = 0
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(503).end())
  })
  server.on('connection', (socket) => socket.on('close', () => (bytes += socket.bytesRead)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  invariant(typeof address === 'object' && address !== null, 'the server listens')
  const url = parseCloudUrl(`http://127.0.0.1:${address.port}`)
  invariant(url.ok, 'a good address')
  const clock = new SystemClock()
  const key = createKey(new SystemRandom())
  const uplink = new HttpUplink(new CloudHttp(url.value, clock), { gateway: GATEWAY, key, clock })
  for (const batch of batches) await uplink.send(batch)
  server.closeAllConnections()
  await new Promise<void>((resolve) => server.close(() => resolve()))
  await clock.sleep(durationMs(50))
  return bytes
}

function targetsOf(rows: readonly Row[]): Target[] {
  const figure = (minutes: number, column: string): number =>
    Number(rows.find((row) => row['minutes a batch'] === minutes)?.[column])
  return [
    { what: 'bytes a value on the wire, batches of 15 minutes', figure: figure(15, 'bytes/value wire'), bound: 1.3 },
    { what: 'bytes a value on the wire, batches of a minute', figure: figure(1, 'bytes/value wire'), bound: 2.2 },
    { what: 'bytes a value on disk, sealed by 15 minutes', figure: figure(15, 'bytes/value disk'), bound: 1.6 },
    { what: 'bytes a value on disk, sealed by the minute', figure: figure(1, 'bytes/value disk'), bound: 1.6 },
  ]
}

/** Bytes a value on disk once sealed, in a batch's body, and on the wire, by the length of a batch. */
export async function benchSync(): Promise<BenchResult> {
  const readings = frozenReadings()
  const values = valuesIn(readings)
  const rows: Row[] = []
  for (const minutes of [15, 5, 1]) {
    let batches: SealedBatch[] = []
    await withStore(async (store) => {
      batches = await sealInBatches(store, readings, minutes)
    })
    const bodies = batches.reduce((sum, { body }) => sum + body.length, 0)
    rows.push({
      'minutes a batch': minutes,
      batches: batches.length,
      'bytes/value body': round(bodies / values),
      'bytes/value wire': round((await bytesOnTheWire(batches)) / values),
      'bytes/value disk': round((await growth(readings, minutes)) / values),
      'decoded/value': round(batches.reduce((sum, { decodedSize }) => sum + decodedSize, 0) / values),
    })
  }
  return {
    title: 'sync: bytes a value, sealed and on the wire',
    how: `${readings.length} frozen readings (${values} values): 8 meters × 20 quantities × 10 s for an hour. Body: the sealed batch as stored and sent. Wire: all of the HTTP request, without TLS. Disk: growth of the database file for one more hour.`,
    rows,
    targets: targetsOf(rows),
  }
}
