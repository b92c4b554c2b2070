import { type Clock, epochMs, type HeartbeatRequest } from '@metergate/protocol'

/** A heartbeat of a gateway without meters. */
export function bareHeartbeat(clock: Clock): HeartbeatRequest {
  return {
    sent_at: epochMs(clock.wall()),
    boot: clock.bootId,
    mono: clock.mono(),
    versions: { software: 'metergate/0.1.0' },
    clock: { quality: 'U', offset_ms: null },
    backlog: { records: 0, batches: 0, oldest_at: null },
    streams: [],
    store: { size_bytes: 0, cap_bytes: 1, quarantined: 0, evicted_records: 0, degraded: null },
    buses: [],
    meters: [],
    products: [],
  }
}
