import type { HeartbeatRequest } from '@metergate/protocol/http'
import { t } from './texts'

/** Beyond this a box's clock is worth a word. */
const CLOCK_OFFSET_MS = 5000

/** What needs a look at the plant, by its last heartbeat, in the reader's language. */
export function warningsOf({ clock, store, buses, meters }: HeartbeatRequest): string[] {
  const offset = clock.offset_ms ?? 0
  return [
    ...buses.filter(({ state }) => state === 'down').map(({ name }) => t('busDown', { bus: name })),
    ...meters.filter(({ state }) => state === 'silent').map(({ label }) => t('meterSilent', { meter: label })),
    ...meters.flatMap(({ label, ratio_differs }) =>
      (ratio_differs ?? []).map(({ which, configured, meter: own }) =>
        t('ratioDiffers', { meter: label, which: which.toUpperCase(), configured, own }),
      ),
    ),
    ...(clock.quality === 'U' ? [t('clockUnknown')] : []),
    ...(Math.abs(offset) > CLOCK_OFFSET_MS ? [t('clockOff', { seconds: (offset / 1000).toFixed(1) })] : []),
    ...(store.degraded ? [`${t('storeDegraded')}: ${store.degraded}`] : []),
    ...(store.quarantined > 0 ? [t('setAside', { n: store.quarantined })] : []),
    ...(store.evicted_records > 0 ? [t('recordsLost', { n: store.evicted_records })] : []),
  ]
}
