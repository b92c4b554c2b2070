import { durationMs } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { VirtualClock } from './virtual-clock.js'

describe('the virtual clock', () => {
  it('wakes sleepers in order of time, each at its own moment', async () => {
    const clock = new VirtualClock()
    const seen: [string, number][] = []
    const nap = async (name: string, ms: number): Promise<void> => {
      await clock.sleep(durationMs(ms))
      seen.push([name, clock.mono()])
    }
    const naps = [nap('late', 30), nap('early', 10), nap('also early', 10)]
    await clock.advance(20)
    expect(seen).toEqual([
      ['early', 10],
      ['also early', 10],
    ])
    await clock.advance(20)
    await Promise.all(naps)
    expect(seen.at(-1)).toEqual(['late', 30])
    expect(clock.mono()).toBe(40)
  })

  it('follows a chain of sleeps inside one advance', async () => {
    const clock = new VirtualClock()
    let rounds = 0
    const chain = (async () => {
      for (; rounds < 5; rounds += 1) await clock.sleep(durationMs(10))
    })()
    await clock.advance(50)
    await chain
    expect(rounds).toBe(5)
  })

  it('steps the wall clock without touching monotonic time or sleepers', async () => {
    const clock = new VirtualClock({ wall: 1_000_000 })
    const nap = clock.sleep(durationMs(100))
    clock.stepWall(-500_000)
    await clock.runUntil(nap)
    expect([clock.mono(), clock.wall()]).toEqual([100, 500_100])
  })

  it('rejects an aborted sleep and forgets the sleeper', async () => {
    const clock = new VirtualClock()
    const abort = new AbortController()
    const nap = clock.sleep(durationMs(100), abort.signal)
    abort.abort(new Error('stop'))
    await expect(nap).rejects.toThrow('stop')
    expect(clock.sleeping).toBe(0)
  })

  it('says so when a goal never settles', async () => {
    const clock = new VirtualClock()
    await expect(clock.runUntil(new Promise(() => undefined))).rejects.toThrow('not settled')
  })
})
