import type { EpochMs, HeartbeatRequest, LastValue, MeterId, MeterSummary } from '@metergate/protocol'
import type { GatewayEntry, StoredHeartbeat, StoredValue } from '../store/series-store.js'

/** A state older than this says nothing about now. */
const FRESH_MS = 15 * 60_000

type HeartbeatMeter = HeartbeatRequest['meters'][number]

/** The meters of one gateway: those of its last heartbeat, and those only batches know of. */
export function metersOf(
  entry: GatewayEntry,
  beat: StoredHeartbeat | undefined,
  stored: readonly StoredValue[],
  now: EpochMs,
): MeterSummary[] {
  const configured = new Map(beat?.body.meters.map((meter) => [meter.id, meter]))
  const ids = new Set<MeterId>([...configured.keys(), ...stored.map(({ meter }) => meter).sort()])
  const fresh = beat !== undefined && now - beat.at <= FRESH_MS
  return [...ids].map((id) => {
    const values = stored.filter(({ meter }) => meter === id)
    return summarise(entry, id, configured.get(id), values, fresh)
  })
}

function summarise(
  entry: GatewayEntry,
  meter: MeterId,
  config: HeartbeatMeter | undefined,
  stored: readonly StoredValue[],
  fresh: boolean,
): MeterSummary {
  const last = newest(stored, config?.last ?? [])
  return {
    gateway: entry.id,
    gateway_name: entry.name,
    meter,
    label: config?.label ?? meter,
    profile: config?.profile ?? null,
    unit: config?.unit ?? null,
    ratios: config?.ratios ?? null,
    state: fresh ? (config?.state ?? 'unknown') : 'unknown',
    last_at: last.reduce<EpochMs | null>((most, { at }) => (most === null || at > most ? at : most), null),
    last,
  }
}

/** Per quantity the newer of heartbeat and batches. Stored values come in the order of their streams. */
function newest(stored: readonly StoredValue[], beat: readonly LastValue[]): LastValue[] {
  const last = new Map<string, LastValue>()
  for (const value of stored) last.set(value.value.quantity, toLastValue(value))
  for (const value of beat) {
    const known = last.get(value.quantity)
    if (!known || value.at >= known.at) last.set(value.quantity, value)
  }
  return [...last.values()].sort((a, b) => a.quantity.localeCompare(b.quantity))
}

function toLastValue({ at, value }: StoredValue): LastValue {
  if (!('value' in value)) return { quantity: value.quantity, at, absent: value.absent }
  return { quantity: value.quantity, at, value: value.value, ...(value.suspect ? { suspect: true } : {}) }
}
