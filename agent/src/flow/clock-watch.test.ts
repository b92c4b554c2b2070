import { durationMs, epochMs } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { type ClockEvidence, ClockTrust } from '../reading/clock-trust.js'
import { MemoryRecordStore } from '../store/memory-record-store.js'
import { type Logger, silentLogger } from '../system/index.js'
import { SeededRandom } from '../testing/seeded-random.js'
import { VirtualClock } from '../testing/virtual-clock.js'
import { ClockWatch } from './clock-watch.js'
import { Journal } from './journal.js'

function watched(clockEvidence: (clock: VirtualClock) => Promise<ClockEvidence | undefined>) {
  const warnings: string[] = []
  const logger: Logger = { ...silentLogger, warn: (text) => void warnings.push(text) }
  const clock = new VirtualClock()
  const trust = new ClockTrust(clock)
  const store = new MemoryRecordStore({ clock, random: new SeededRandom(1), sealer: () => undefined })
  const journal = new Journal({ store, logger: silentLogger, stamp: () => trust.stamp() })
  const parts = {
    clock,
    trust,
    logger,
    journal,
    waitsForClock: () => trust.quality() === 'U',
    onAnchor: () => undefined,
  }
  const watch = new ClockWatch({ ...parts, clockEvidence: () => clockEvidence(clock) })
  const kept = async () => {
    await store.flush()
    return [...store.records({ stream: 'ledger' })].flatMap(({ record }) =>
      record.kind === 'event' ? [record.code] : record.kind === 'anchor' ? [`anchor ${record.source}`] : [],
    )
  }
  return { clock, watch, kept, warnings }
}

describe('the watch over the clock', () => {
  it('writes down once that the cloud and the daemon differ, and one anchor', async () => {
    const { clock, watch, kept } = watched(async () => ({ source: 'chrony', errorMs: 5 }))
    for (let minute = 0; minute < 60; minute += 1) {
      await watch.askSystem()
      await clock.advance(60_000)
      watch.heardServer({ serverWall: epochMs(clock.wall() + 3_000), roundTripMs: 50 })
    }
    expect(await kept()).toEqual(['anchor chrony', 'clock_dispute'])
  })

  it('takes no answer that was under way when somebody set the clock', async () => {
    const { clock, watch, kept } = watched(async (asked) => {
      await asked.sleep(durationMs(1_000))
      return { source: 'chrony', errorMs: 5 }
    })
    const first = watch.askSystem()
    await clock.advance(500)
    clock.stepWall(1_200_000)
    await clock.runUntil(first)
    expect(await kept()).toEqual(['clock_step'])
    await clock.runUntil(watch.askSystem())
    expect(await kept()).toEqual(['clock_step', 'anchor chrony'])
  })

  it('says once in the log that energy waits, and takes the word of a technician', async () => {
    const { clock, watch, kept, warnings } = watched(async () => undefined)
    const stop = new AbortController()
    const done = watch.keepAskingSystem(stop.signal)
    await clock.advance(5 * 60_000)
    expect(warnings).toEqual([expect.stringContaining('see `metergate clock`')])
    const shown = { wall: clock.wall(), mono: clock.mono() }
    expect(await clock.runUntil(watch.technicianConfirms(shown, 1_500))).toBe(true)
    expect(await kept()).toEqual(['anchor technician'])
    stop.abort()
    await clock.runUntil(done)
    expect(warnings).toHaveLength(1)
  })
})
