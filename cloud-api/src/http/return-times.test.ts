import { describe, expect, it } from 'vitest'
import { ManualClock } from '../testing/cloud-harness.js'
import { ReturnTimes } from './return-times.js'

/** Evenly spread "chance". */
const even = (() => {
  let n = 0
  const next = (): number => {
    n = (n + 0.618) % 1
    return n
  }
  return { next, bytes: (count: number) => new Uint8Array(count) }
})()

const many = (times: ReturnTimes, count: number, url = '/v1/batches'): number[] =>
  Array.from({ length: count }, () => times.next(url))

describe('the time to come back', () => {
  it('is a few seconds for a few, and not the same for all', () => {
    const times = many(new ReturnTimes(new ManualClock(), even), 40)
    expect(Math.min(...times)).toBeGreaterThanOrEqual(3)
    expect(Math.max(...times)).toBeLessThanOrEqual(10)
    expect(new Set(times).size).toBeGreaterThan(3)
  })

  it('lets a herd come back a few at a time from the first one on, and is short again when it is gone', () => {
    const clock = new ManualClock()
    const times = new ReturnTimes(clock, even)
    const perSecond = new Map<number, number>()
    for (const time of many(times, 2_000)) perSecond.set(time, (perSecond.get(time) ?? 0) + 1)
    expect(Math.max(...perSecond.keys())).toBeGreaterThanOrEqual(40)
    // At most 5 % of the herd.
    expect(Math.max(...perSecond.values())).toBeLessThanOrEqual(100)
    clock.now += 90_000
    expect(Math.max(...many(times, 40))).toBeLessThanOrEqual(10)
  })

  it('of a heartbeat takes no turn from a batch', () => {
    const times = new ReturnTimes(new ManualClock(), even)
    many(times, 2_000, '/v1/heartbeat')
    expect(times.next('/v1/batches')).toBeLessThanOrEqual(10)
    expect(times.next('/v1/heartbeat?a')).toBeGreaterThanOrEqual(40)
  })

  it('is never longer than ten minutes', () => {
    const times = many(new ReturnTimes(new ManualClock(), even), 30_000)
    expect(Math.max(...times)).toBeLessThanOrEqual(600)
    expect(Math.min(...times.slice(-1_000))).toBeLessThan(60)
  })
})
