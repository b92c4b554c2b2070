import { durationMs, randomInt } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { RealScheduler } from './scheduler.js'
import { SeededRandom } from './seeded-random.js'
import { Timeline } from './timeline.js'
import { Trace } from './trace.js'
import { VirtualClock } from './virtual-clock.js'

describe('virtual time', () => {
  it('runs sleepers by instant, then in the order they lay down', async () => {
    const timeline = new Timeline()
    const clock = new VirtualClock(timeline)
    const woke: string[] = []
    const sleeper = async (name: string, ms: number): Promise<void> => {
      await clock.sleep(durationMs(ms))
      woke.push(`${name}@${clock.mono()}`)
    }
    const all = Promise.all([sleeper('late', 20), sleeper('first', 10), sleeper('second', 10)])
    await timeline.settle(all)
    expect(woke).toEqual(['first@10', 'second@10', 'late@20'])
  })

  it('lets a long chain of promises settle before the next event', async () => {
    const timeline = new Timeline()
    const clock = new VirtualClock(timeline)
    const order: string[] = []
    const chained = async (): Promise<void> => {
      await clock.sleep(durationMs(1))
      for (let i = 0; i < 100; i += 1) await Promise.resolve()
      order.push('chain')
    }
    timeline.after(2, () => order.push('next event'))
    const running = chained()
    await timeline.advance(5)
    await running
    expect(order).toEqual(['chain', 'next event'])
    expect(timeline.now()).toBe(5)
  })

  it('names a hang instead of hanging', async () => {
    await expect(new Timeline().settle(new Promise(() => {}))).rejects.toThrow('no event is waiting')
  })

  it('ends an aborted sleep at once with the reason', async () => {
    const timeline = new Timeline()
    const clock = new VirtualClock(timeline)
    const stop = new AbortController()
    const sleeping = clock.sleep(durationMs(1000), stop.signal)
    stop.abort('enough')
    await expect(sleeping).rejects.toBe('enough')
  })

  it('keeps monotonic time when the wall clock is stepped', () => {
    const timeline = new Timeline(5_000)
    const clock = new VirtualClock(timeline, { wallErrorMs: -1_000 })
    const believed = clock.wall()
    clock.stepWall(1_000)
    expect(clock.wall() - believed).toBe(1_000)
    expect(clock.wall()).toBe(clock.trueWall())
    expect(clock.mono()).toBe(0)
  })

  it('runs a drifting clock fast by its parts per million', () => {
    const timeline = new Timeline()
    const clock = new VirtualClock(timeline, { driftPpm: 100 })
    timeline.advanceSync(10_000)
    expect(clock.mono()).toBeCloseTo(10_001, 6)
  })
})

describe('seeded chance', () => {
  it('repeats with its seed and differs with another', () => {
    const draw = (seed: number): number[] => {
      const random = new SeededRandom(seed)
      return Array.from({ length: 20 }, () => randomInt(random, 1_000_000))
    }
    expect(draw(1)).toEqual(draw(1))
    expect(draw(1)).not.toEqual(draw(2))
  })

  it('is about uniform: each of 16 boxes gets its share of 64,000 draws within 5 standard deviations', () => {
    const random = new SeededRandom('boxes')
    const boxes = new Array<number>(16).fill(0)
    for (let i = 0; i < 64_000; i += 1) {
      const box = randomInt(random, 16)
      boxes[box] = (boxes[box] ?? 0) + 1
    }
    for (const count of boxes) expect(Math.abs(count - 4000)).toBeLessThan(5 * Math.sqrt(4000))
  })

  it('gives forks that do not disturb each other', () => {
    const random = new SeededRandom(7)
    const lone = random.fork('b').next()
    random.fork('a').bytes(100)
    expect(random.fork('b').next()).toBe(lone)
  })
})

describe('trace', () => {
  it('tells two runs apart by a single line', () => {
    const hashOf = (lines: readonly string[]): string => {
      const trace = new Trace()
      for (const line of lines) trace.add(line)
      return trace.hash()
    }
    expect(hashOf(['a', 'b'])).toBe(hashOf(['a', 'b']))
    expect(hashOf(['a', 'b'])).not.toBe(hashOf(['b', 'a']))
  })
})

it('in real time as in virtual time nothing due happens before the caller has finished', async () => {
  const scheduler = new RealScheduler()
  const said: string[] = []
  await new Promise<void>((resolve) => {
    scheduler.after(-5, () => {
      said.push('due')
      resolve()
    })
    said.push('caller')
  })
  expect(said).toEqual(['caller', 'due'])
})
