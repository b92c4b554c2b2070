import { setTimeout as wait } from 'node:timers/promises'
import { bootId, type Clock, type DurationMs, epochMs, monoMs } from '@metergate/protocol'

/** The server's own clock. The boot id is fixed: the cloud dates nothing by its monotonic clock. */
export const systemClock: Clock = {
  bootId: bootId('cloud'),
  wall: () => epochMs(Date.now()),
  mono: () => monoMs(performance.now()),
  async sleep(duration: DurationMs, signal?: AbortSignal): Promise<void> {
    await wait(duration, undefined, signal ? { signal } : {})
  },
}
