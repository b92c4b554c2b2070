import { type Amount, type Clock, unreachable } from '@metergate/protocol'
import type { RegisterBus } from '../bus/register-bus.js'
import type { LoadedConfig } from '../config/load.js'
import type { GatewaySnapshot } from '../health/snapshot.js'
import type { ClockTrust } from '../reading/clock-trust.js'
import type { RecordStore } from '../store/record-store.js'
import type { SyncLoop } from '../sync/sync-loop.js'
import type { UplinkFault } from '../sync/uplink.js'
import type { EnergyFeed } from './energy-feed.js'
import type { LatestBoard } from './latest-board.js'
import { profileOf, ratioOf } from './meter-setup.js'
import type { RatioWatch } from './ratio-watch.js'

export interface PollCounts {
  good: number
  failed: number
  skipped: number
  stored: number
}

/** The process around the gateway, as a port. */
export interface ProcessFacts {
  readonly pid: number
  readonly nodeVersion: string
  memoryBytes(): number
  disk(): { readonly freeBytes: number; readonly totalBytes: number }
}

export interface SnapshotParts {
  readonly clock: Clock
  readonly loaded: LoadedConfig
  readonly software: string
  readonly gateway: string | undefined
  readonly startedAt: number
  readonly trust: ClockTrust
  readonly feed: Pick<EnergyFeed, 'waitsForClock'>
  readonly store: RecordStore
  readonly board: LatestBoard
  /** Ratios that a meter has otherwise than the configuration. */
  readonly ratios: Pick<RatioWatch, 'of'>
  readonly buses: ReadonlyMap<string, RegisterBus>
  readonly counts: PollCounts
  readonly sync: SyncLoop | undefined
  readonly process: ProcessFacts
}

const ONE: Amount = { n: 1, exp: 0 }

/** The state of the gateway at this moment: what `status` shows and the heartbeat carries. */
export function gatewaySnapshot(parts: SnapshotParts): GatewaySnapshot {
  const { clock, loaded, trust } = parts
  const { config } = loaded
  const sync = parts.sync?.status()
  const { streams, ...store } = parts.store.health()
  const oldest = streams.flatMap(({ oldestUnacknowledged }) => oldestUnacknowledged ?? [])
  const disk = parts.process.disk()
  return {
    sent_at: clock.wall(),
    boot: clock.bootId,
    mono: clock.mono(),
    heartbeat_ms: config.sync.heartbeat,
    plant: { name: config.plant.name, timezone: config.plant.timezone },
    versions: { software: parts.software, node: parts.process.nodeVersion, config: loaded.version },
    clock: { quality: trust.quality(), offset_ms: sync?.serverTime?.offsetMs ?? null },
    backlog: {
      records: streams.reduce((sum, stream) => sum + stream.unacknowledged, 0),
      batches: parts.store.pending(10_000).length,
      oldest_at: oldest.length > 0 ? oldest.reduce((least, at) => (at < least ? at : least)) : null,
    },
    streams: streams.map(({ kind, stream, lastSeq, lastBatch, unacknowledged }) => ({
      kind,
      stream,
      last_record: lastSeq,
      last_batch: lastBatch,
      unacknowledged,
    })),
    store: {
      size_bytes: store.sizeBytes,
      cap_bytes: store.capBytes,
      quarantined: store.quarantined,
      evicted_records: store.evictedRecords,
      degraded: store.degraded ?? null,
    },
    buses: [...parts.buses].map(([name, bus]) => busState(name, bus)),
    meters: config.meters.map((meter) => {
      const { state, values } = parts.board.of(meter.id)
      const profile = profileOf(loaded, meter.id)
      const ratios = ratioOf(meter, profile)
      const differs = parts.ratios.of(meter.id)
      return {
        id: meter.id,
        label: meter.label ?? meter.id,
        profile: profile.id,
        unit: meter.address ?? String(meter.unit ?? ''),
        bus: meter.line,
        ratios: ratios ?? { ct: ONE, pt: ONE },
        state,
        last: [...values],
        ...(differs.length > 0 ? { ratio_differs: [...differs] } : {}),
      }
    }),
    products: config.products.map(({ id, label, unit, energy, weight_kg }) => ({
      ...{ id, label: label ?? id, unit, meters: energy },
      ...(weight_kg ? { weight_kg } : {}),
    })),
    groups: config.groups.map((group) => ({ ...group, label: group.label ?? group.id })),
    ...billingMeter(config),
    process: {
      pid: parts.process.pid,
      uptime_ms: Math.round(clock.mono() - parts.startedAt),
      memory_bytes: parts.process.memoryBytes(),
    },
    gateway: parts.gateway ?? null,
    config_file: loaded.file,
    ...(parts.feed.waitsForClock() ? { waiting_for: 'clock' } : {}),
    link: {
      cloud: config.sync.cloud ?? null,
      state: sync?.link ?? (config.sync.cloud ? 'not_enrolled' : 'off'),
      why: sync?.lastFault && sync.link !== 'up' ? faultInWords(sync.lastFault.fault) : null,
      last_batch_at: sync?.lastBatchAt ?? null,
      last_heartbeat_at: sync?.lastHeartbeatAt ?? null,
      bytes_sent: sync?.usage.monthBytes ?? 0,
    },
    readings: { ...parts.counts },
    disk: { free_bytes: disk.freeBytes, total_bytes: disk.totalBytes },
  }
}

/** As the tariff names it, else the main meter of the first group that has one. */
function billingMeter({ tariff, groups }: LoadedConfig['config']): Pick<GatewaySnapshot, 'billing_meter'> {
  const meter = tariff?.meter ?? groups.flatMap((group) => (group.kind === 'main_and_sub' ? [group.main] : []))[0]
  return meter === undefined ? {} : { billing_meter: meter }
}

function busState(name: string, bus: RegisterBus): GatewaySnapshot['buses'][number] {
  const { open, why, line } = bus.health()
  const tried = line.requests > 0
  return {
    name,
    state: open ? 'up' : tried ? 'down' : 'starting',
    ...(why && tried ? { why } : {}),
    requests: line.requests,
    faults: line.timeout + line.crc + line.bad_frame + line.exception + line.line_down,
  }
}

/** An uplink fault for a person. */
export function faultInWords(fault: UplinkFault): string {
  switch (fault.kind) {
    case 'unreachable':
    case 'conflict':
      return `${fault.kind}: ${fault.why}`
    case 'busy':
    case 'server_error':
      return `${fault.kind} (HTTP ${fault.status})`
    case 'refused_gateway':
    case 'refused_batch':
    case 'malformed_answer':
      return `${fault.kind} (HTTP ${fault.status}): ${fault.why}`
    case 'redirect':
      return `redirect to ${fault.to}`
    default:
      return unreachable(fault)
  }
}
