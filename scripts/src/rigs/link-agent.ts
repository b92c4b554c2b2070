import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  type Acknowledgement,
  CloudHttp,
  DiskKeyFile,
  HttpUplink,
  loadKey,
  parseCloudUrl,
  type SealedBatch,
  SqliteRecordStore,
  SyncLoop,
  SystemClock,
  SystemDisk,
  SystemRandom,
  type Uplink,
} from '@metergate/agent'
import {
  bootId,
  durationMs,
  epochMs,
  gatewayIdSchema,
  type HeartbeatRequest,
  invariant,
  monoMs,
  ok,
  type ReadingRecord,
} from '@metergate/protocol'
import { frozenReadings } from '../bench/frozen-readings.js'

/**
 * The store and sync of a gateway on a bad link: a backlog of `rounds` minutes of 8 meters, and fresh readings each
 * minute or faster beside it. Prints a line of JSON a second, `drained` with the last when nothing is left to send.
 */
const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: '' },
    cloud: { type: 'string', default: '' },
    gateway: { type: 'string', default: '' },
    rounds: { type: 'string', default: '60' },
    'fresh-ms': { type: 'string', default: '1000' },
    'every-ms': { type: 'string', default: '1000' },
    /** Goes on this long at least. */
    'least-ms': { type: 'string', default: '0' },
    /** The planted mistake: whatever was sent counts as acknowledged. */
    believes: { type: 'boolean', default: false },
  },
})
const METERS = 8
const clock = new SystemClock()
const random = new SystemRandom()
const gateway = gatewayIdSchema.parse(values.gateway)

/** Notes when fresh readings were taken and when the cloud had them. */
class WatchedStore extends SqliteRecordStore {
  readonly delays: number[] = []
  bodyBytes = 0
  private readonly fresh = new Map<string, SealedBatch>()
  readonly takenAt = new Map<number, number>()

  override seal(...args: Parameters<SqliteRecordStore['seal']>): SealedBatch | undefined {
    const batch = super.seal(...args)
    if (batch?.streamKind === 'detail') this.fresh.set(`${batch.stream} ${batch.number}`, batch)
    return batch
  }

  override acknowledge(list: readonly Acknowledgement[]): readonly Acknowledgement[] {
    const freed = super.acknowledge(list)
    for (const { stream, number } of freed) {
      const batch = this.fresh.get(`${stream} ${number}`)
      if (!batch) continue
      for (let seq: number = batch.first; seq <= batch.last; seq += 1) {
        const at = this.takenAt.get(seq)
        if (at !== undefined) this.delays.push(clock.mono() - at)
        this.takenAt.delete(seq)
      }
    }
    return freed
  }
}

const store = new WatchedStore({
  folder: values.folder,
  clock,
  random,
  disk: new SystemDisk(),
  sealer: () => ({ gateway, software: 'metergate/rig', config: 'rig' }),
  settings: { commitEveryMs: 1000, ballastBytes: 0 },
})
invariant(store.start().ok, 'the store starts')

/** A heartbeat of a gateway that tells nothing of itself. */
const bareHeartbeat = (): HeartbeatRequest => ({
  sent_at: clock.wall(),
  boot: clock.bootId,
  mono: clock.mono(),
  versions: { software: 'metergate/rig' },
  clock: { quality: 'S', offset_ms: null },
  backlog: { records: 0, batches: 0, oldest_at: null },
  streams: [],
  store: { size_bytes: 0, cap_bytes: 1, quarantined: 0, evicted_records: 0, degraded: null },
  buses: [],
  meters: [],
  products: [],
})

/** One round in six of the frozen hour: 8 readings a minute. */
const hour = frozenReadings()
const roundAt = (index: number): readonly ReadingRecord[] =>
  hour.slice(((index * 6) % 360) * METERS, ((index * 6) % 360) * METERS + METERS)

async function fill(rounds: number): Promise<void> {
  const boot = bootId('boot-before')
  for (let at = 0; at < rounds; at += 200) {
    const records = Array.from({ length: Math.min(200, rounds - at) }, (_, index) => at + index).flatMap((round) =>
      roundAt(round).map((record) => ({
        ...record,
        stamp: {
          ...record.stamp,
          boot,
          mono: monoMs(round * 60_000),
          wall: epochMs(clock.wall() - (rounds - round) * 60_000),
        },
      })),
    )
    const storing = store.append(records)
    await store.flush()
    invariant((await storing).ok, 'stored')
    while (store.seal('detail', { minAgeMs: 0, maxDecodedBytes: 256 * 1024 }));
  }
}

const pendingBytes = (): number => store.pending(1e6).reduce((sum, { size }) => sum + size, 0)
const print = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)

await fill(Number(values.rounds))
print({ filled: pendingBytes() })
const url = parseCloudUrl(values.cloud)
const key = loadKey(new DiskKeyFile(join(values.folder, 'key.pem')))
invariant(url.ok && key.ok && key.value, 'address and key')
const http = new HttpUplink(new CloudHttp(url.value, clock), { gateway, key: key.value, clock })
const uplink: Uplink = values.believes
  ? { send: believing, heartbeat: (body, signal) => http.heartbeat(body, signal) }
  : http

async function believing(batch: SealedBatch, signal?: AbortSignal): ReturnType<Uplink['send']> {
  const sent = await http.send(batch, signal)
  if (sent.ok) return sent
  const receipt = {
    committed: [batch],
    rejected: [],
    contiguous: [],
    serverTime: clock.wall(),
    roundTripMs: 1,
    bytesSent: 1,
  }
  return ok(receipt)
}

const sync = new SyncLoop(
  { clock, random, store, uplink },
  { every: durationMs(Number(values['every-ms'])), heartbeat: () => bareHeartbeat() },
)
const stop = new AbortController()
const syncing = sync.start(stop.signal)
const begun = clock.mono()
let round = 0
let isTaking = true
const taking = (async () => {
  while (isTaking) {
    const stamp = {
      boot: clock.bootId,
      mono: monoMs(Math.round(clock.mono())),
      wall: clock.wall(),
      quality: 'S' as const,
    }
    const at = clock.mono()
    const stored = await store.append(roundAt(round).map((record) => ({ ...record, stamp })))
    round += 1
    if (stored.ok) for (const seq of stored.value) store.takenAt.set(seq, at)
    await clock.sleep(durationMs(Number(values['fresh-ms'])))
  }
})()
const state = () => ({
  ms: Math.round(clock.mono() - begun),
  pending: pendingBytes(),
  fresh: store.delays.length,
  slowestMs: Math.round(Math.max(0, ...store.delays.slice(-5000))),
  usage: sync.status().usage,
  counters: sync.status().counters,
  rss: Math.round(process.memoryUsage().rss / 2 ** 20),
  fds: readdirSync('/proc/self/fd').length,
})
for (;;) {
  await clock.sleep(durationMs(1000))
  print(state())
  // What is left is younger than the sealing age.
  const isOld = store.health().streams.some(({ unacknowledged, unsealed }) => unacknowledged > unsealed)
  if (!isOld && clock.mono() - begun >= Number(values['least-ms'])) break
}
isTaking = false
await taking
await store.flush()
store.seal('detail', { minAgeMs: 0, maxDecodedBytes: 256 * 1024 })
sync.nudge()
for (let tries = 0; tries < 300 && store.pending(1).length > 0; tries += 1) {
  await clock.sleep(durationMs(200))
  if (tries % 20 === 19) sync.nudge()
}
print({
  drained: store.pending(1).length === 0,
  records: store.health().streams.map(({ kind, lastSeq }) => ({ kind, lastSeq })),
  ...state(),
})
stop.abort()
await syncing
await store.close()
