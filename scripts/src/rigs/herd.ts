import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type SealedBatch, SyncLoop, SystemRandom, type Uplink, type UplinkFault } from '@metergate/agent'
import { type HeartbeatRequest, heartbeatRequestSchema, type Result } from '@metergate/protocol'
import { clock, enrolSenders, manyMayListen, missingIn, readings, type Sender, ServerProcess } from './cloud-parts.js'
import { type Exchange, figuresOf, goodputOf, probeFigures, round } from './herd-figures.js'
import type { ProbeAnswer } from './herd-probe.js'
import { HerdStore } from './herd-store.js'
import { Findings, inFolder, type RigResult } from './rig.js'
import { pause } from './writer-process.js'

export interface HerdSize {
  readonly gateways: number
  /** Batches each gateway has waiting; together three days of one meter. */
  readonly batches: number
  /** Everything must be drained by then. */
  readonly withinMs: number
}

const DAYS_MS = 3 * 86_400_000
/** A reading each quarter hour: what a batch weighs matters little, how many there are does. */
const READINGS = 288
const MEMORY_BYTES = 512 * 1024 * 1024
const SHED_WITHIN_MS = 100
/** Of the largest goodput that a few gateways reach alone, this much must be left in the herd. */
const GOODPUT = 0.8
/** A herd that the server serves in less is over before those turned away are back. */
const FILLS_S = 20
const WAVE = 0.05
/** No wave at all, however small the fleet. */
const FEW = 60

/**
 * A herd: after a long outage of the cloud all gateways come back at once, each with its backlog, against one server process
 * on one core. The server lives, turns away fast and with a time to come back, wastes little, nothing is lost, and the
 * newest comes first.
 */
export function herd({ gateways, batches, withinMs }: HerdSize): Promise<RigResult> {
  return inFolder(async (folder) => {
    const found = new Findings()
    const place = { dataDir: join(folder, 'cloud') }
    // The server alone on one core, where there is another one for the herd.
    const prefix = availableParallelism() > 1 ? ['taskset', '-c', '0'] : []
    const server = await ServerProcess.start(place, prefix)
    const alone = await enrolSenders(place, server.url, 32)
    const most = await goodputAlone(alone)
    const senders = await enrolSenders(place, server.url, gateways)
    const herds = senders.map((sender, index) => new HerdGateway(sender, index, batches))
    const log: Exchange[] = []
    const stop = manyMayListen(new AbortController())
    const probe = startProbe(server.url, alone)
    const begun = clock.mono()
    const running = herds.map((each) => each.start(log, begun, stop.signal))
    while (herds.some(({ store }) => store.backlog > 0) && clock.mono() - begun < withinMs) await pause(100)
    const tookMs = clock.mono() - begun
    const memory = peakMemory(server.pid)
    await probe.stop()
    stop.abort()
    await Promise.all(running)
    await server.end()
    const figures = {
      ...figuresOf(log, gateways, tookMs),
      ...probeFigures(probe.answers),
      memory_mb: Math.round(memory / 1024 / 1024),
    }
    const goodput = goodputOf(log, gateways * batches)
    const left = herds.reduce((sum, { store }) => sum + store.backlog, 0)
    const backwards = herds.filter(({ store }) => store.freed[0] !== batches).length
    found.expect(left === 0, () => `${left} batches not drained within ${withinMs} ms`)
    found.expect(backwards === 0, () => `${backwards} gateways did not send their newest batch first`)
    found.expect(memory > 0 && memory < MEMORY_BYTES, () => `the server took ${memory} bytes`)
    found.expect(
      figures.failed === 0,
      () => `${figures.failed} exchanges broke off, told neither yes nor later: ${figures.failed_why.join('; ')}`,
    )
    found.expect(figures.probe_other === 0, () => `${figures.probe_other} of the probe's exchanges broke off`)
    found.expect(figures.shed_without_hint === 0, () => `${figures.shed_without_hint} turned away without Retry-After`)
    const fills = gateways * batches > FILLS_S * most
    found.expect(!fills || goodput >= GOODPUT * most, () => `goodput ${goodput.toFixed(1)}/s of ${most.toFixed(1)}/s`)
    found.expect(
      figures.shed_p99_later_ms <= SHED_WITHIN_MS,
      () => `after the opening turned away only after ${figures.shed_p99_later_ms} ms`,
    )
    found.expect(
      figures.biggest_wave <= Math.max(WAVE * gateways, FEW),
      () => `${figures.biggest_wave} came back in one second`,
    )
    found.note(await missingIn(place, senders))
    const notes = {
      gateways,
      batches,
      seconds: round(tookMs / 1000),
      goodput_alone_per_s: round(most),
      goodput_per_s: round(goodput),
      ...figures,
      findings: found.words,
    }
    return { rig: 'herd', runs: 1, violations: found.count, notes }
  })
}

/** What the server takes when a few gateways send as fast as they are answered, batches per second. */
async function goodputAlone(senders: readonly Sender[]): Promise<number> {
  const batches = senders.map((sender) => backlogOf(sender, 36))
  const begun = clock.mono()
  const taken = await Promise.all(
    senders.map(async (sender, index) => {
      let count = 0
      for (const batch of batches[index] ?? []) if ((await sender.send(batch)).ok) count += 1
      return count
    }),
  )
  return (taken.reduce((sum, count) => sum + count, 0) * 1000) / (clock.mono() - begun)
}

const NEWEST = Date.UTC(2026, 10, 23)
function backlogOf(sender: Sender, batches: number): SealedBatch[] {
  const each = Math.ceil(READINGS / batches)
  const span = DAYS_MS / batches
  return Array.from({ length: batches }, (_, index) =>
    sender.seal(readings(NEWEST - DAYS_MS + Math.round(index * span), each)),
  )
}

/** The agent's own sync loop over a backlog in memory. */
class HerdGateway {
  readonly store: HerdStore

  constructor(
    private readonly sender: Sender,
    private readonly index: number,
    batches: number,
  ) {
    this.store = new HerdStore(backlogOf(sender, batches))
  }

  start(log: Exchange[], begun: number, signal: AbortSignal): Promise<void> {
    const uplink = this.watched(log, begun, signal)
    const loop = new SyncLoop(
      { clock, random: new SystemRandom(), store: this.store, uplink },
      { heartbeat: heartbeatNow },
    )
    return loop.start(signal)
  }

  private watched(log: Exchange[], begun: number, over: AbortSignal): Uplink {
    let wasShed = false
    const note = async <T>(
      what: Exchange['what'],
      exchange: Promise<Result<T, UplinkFault>>,
    ): Promise<Result<T, UplinkFault>> => {
      const at = clock.mono() - begun
      const again = wasShed
      const outcome = await exchange
      // What the end of the rig cuts off says nothing of the server.
      if (over.aborted) return outcome
      const kind = outcome.ok ? 'taken' : outcome.fault.kind === 'busy' ? 'shed' : 'other'
      const hint = !outcome.ok && outcome.fault.kind === 'busy' && outcome.fault.retryAfterMs !== undefined
      wasShed = kind !== 'taken'
      const why = outcome.ok || !('why' in outcome.fault) ? undefined : outcome.fault.why
      log.push({ gateway: this.index, at, tookMs: clock.mono() - begun - at, kind, what, again, hint, why })
      return outcome
    }
    const { sender } = this
    return {
      send: (batch, signal) => note('batch', sender.send(batch, signal)),
      heartbeat: (body) => note('heartbeat', sender.heartbeat(body)),
    }
  }
}

/** A gateway that measures in peace what the herd's own busy process cannot. */
function startProbe(url: string, [sender]: readonly Sender[]) {
  const answers: ProbeAnswer[] = []
  const batch = sender?.seal(readings(NEWEST, 5))
  const workerData = sender && batch ? { url, ...sender.request(batch) } : undefined
  const worker = new Worker(new URL('./herd-probe.js', import.meta.url), { workerData })
  worker.on('message', (answer: ProbeAnswer) => answers.push(answer))
  return { answers, stop: () => worker.terminate() }
}

/** The most memory a process ever had, bytes; 0 where the system does not say. */
function peakMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024
}

const heartbeatNow = (): HeartbeatRequest =>
  heartbeatRequestSchema.parse({
    sent_at: Math.round(clock.wall()),
    boot: 'rig',
    mono: Math.round(clock.mono()),
    versions: { software: 'rig/1' },
    clock: { quality: 'S', offset_ms: 0 },
    backlog: { records: 0, batches: 0, oldest_at: null },
    streams: [],
    store: { size_bytes: 0, cap_bytes: 1, quarantined: 0, evicted_records: 0, degraded: null },
    buses: [],
    meters: [],
    products: [],
  })
