import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { bootId, type Clock, epochMs, monoMs } from '@metergate/protocol'

/** Real time for tests that need a real socket or a real device; they assert no durations. */
export const realClock: Clock = {
  bootId: bootId('test-boot'),
  wall: () => epochMs(Date.now()),
  mono: () => monoMs(performance.now()),
  sleep: async (duration, signal) => {
    await sleep(duration, undefined, signal ? { signal } : {})
  },
}
