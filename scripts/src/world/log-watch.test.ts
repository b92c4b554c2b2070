import { createLogger } from '@metergate/agent'
import { durationMs } from '@metergate/protocol'
import { Timeline, VirtualClock } from '@metergate/simulator'
import { describe, expect, it } from 'vitest'
import { LogWatch } from './log-watch.js'

/** A meter that fails twice a second for two minutes, as the gateway logs it. */
async function logged(warn: (log: ReturnType<typeof createLogger>) => void) {
  const timeline = new Timeline()
  const clock = new VirtualClock(timeline)
  const watch = new LogWatch(() => timeline.now())
  const log = createLogger({ level: 'info', format: 'json', clock, out: watch.out })
  for (let n = 0; n < 240; n += 1) {
    warn(log)
    await timeline.settle(clock.sleep(durationMs(500)))
  }
  return watch.violations
}

describe('the oracle of the log', () => {
  it('is content with the lines that the limit lets pass', async () => {
    expect(await logged((log) => log.warn('a poll brought a fault', { meter: 'main', cause: 'main timeout' }))).toEqual(
      [],
    )
  })

  it('sees a log that has no limit', async () => {
    let n = 0
    // A cause of its own for each line is no cause at all.
    const flood = await logged((log) => log.warn('a poll brought a fault', { meter: 'main', cause: `${n++}` }))
    expect(flood).toMatchObject([{ invariantName: 'I8' }])
  })
})
