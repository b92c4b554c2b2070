import {
  DEFAULT_HEARTBEAT_MS,
  type EpochMs,
  type GatewaySummary,
  type GatewaysAnswer,
  type HeartbeatRequest,
} from '@metergate/protocol'
import type { GatewayEntry, StoredHeartbeat } from '../store/series-store.js'

/** So many of a box's own heartbeat periods, and at least so long: a moment of bad link is no news. */
const ONLINE = { periods: 3, leastMs: 3 * 60_000 }
const LATE = { periods: 6, leastMs: 15 * 60_000 }
/** Beyond this a box's clock is worth a word; its readings carry their own clock quality anyway. */
const CLOCK_OFFSET_MS = 5000

/** One line about a gateway, from the registry and its last heartbeat. */
export function summarise(
  entry: GatewayEntry,
  beat: StoredHeartbeat | undefined,
  lastBatchAt: EpochMs | undefined,
  now: EpochMs,
): GatewaySummary {
  return {
    id: entry.id,
    name: entry.name,
    state: stateOf(entry, beat, now),
    enrolled_at: entry.enrolledAt,
    revoked_at: entry.revokedAt ?? null,
    last_heartbeat_at: beat?.at ?? null,
    last_batch_at: lastBatchAt ?? null,
    software: beat?.body.versions.software ?? entry.software,
    meters: beat?.body.meters.length ?? 0,
    backlog_records: beat?.body.backlog.records ?? null,
    clock_offset_ms: beat?.body.clock.offset_ms ?? null,
    warnings: beat ? warningsOf(beat.body) : [],
  }
}

/** How many of the boxes in service are online. */
export function fleetOf(gateways: readonly Pick<GatewaySummary, 'state'>[]): GatewaysAnswer['fleet'] {
  const enrolled = gateways.filter(({ state }) => state !== 'revoked').length
  const online = gateways.filter(({ state }) => state === 'online').length
  return { enrolled, online, online_share: enrolled > 0 ? Math.round((online / enrolled) * 1e6) / 1e6 : null }
}

/** By the time the server heard of it, never by the box's own clock; late is what is late for its own period. */
export function stateOf(entry: GatewayEntry, beat: StoredHeartbeat | undefined, now: EpochMs): GatewaySummary['state'] {
  if (entry.revokedAt !== undefined) return 'revoked'
  if (!beat) return 'never'
  const age = now - beat.at
  const period = beat.body.heartbeat_ms ?? DEFAULT_HEARTBEAT_MS
  const isWithin = ({ periods, leastMs }: typeof ONLINE): boolean => age <= Math.max(leastMs, periods * period)
  if (isWithin(ONLINE)) return 'online'
  return isWithin(LATE) ? 'late' : 'offline'
}

function warningsOf({ clock, store, buses, meters }: HeartbeatRequest): string[] {
  const warnings: string[] = []
  if (store.degraded) warnings.push(`The box's store is degraded: ${store.degraded}`)
  if (store.quarantined > 0) warnings.push(`${store.quarantined} records are set aside on the box`)
  if (store.evicted_records > 0) warnings.push(`${store.evicted_records} records were given up for want of space`)
  if (clock.quality === 'U') warnings.push('The box does not know the time')
  if (clock.offset_ms !== null && Math.abs(clock.offset_ms) > CLOCK_OFFSET_MS) {
    warnings.push(`The box's clock is off by ${(clock.offset_ms / 1000).toFixed(1)} s`)
  }
  for (const { name, state, why } of buses) if (state === 'down') warnings.push(`Bus ${name} is down: ${why ?? ''}`)
  for (const { id, state, ratio_differs } of meters) {
    if (state === 'silent') warnings.push(`Meter ${id} is silent`)
    for (const { which, configured, meter } of ratio_differs ?? [])
      warnings.push(`Meter ${id} has a ${which.toUpperCase()} ratio of ${meter}, its configuration ${configured}`)
  }
  return warnings.map((warning) => warning.slice(0, 300)).slice(0, 50)
}
