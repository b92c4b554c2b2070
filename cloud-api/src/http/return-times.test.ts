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

const many = (times: ReturnTimes, count: number): number[] => Array.from({ length: count }, () => times.next())

describe('the time to come back', () => {
  it('lies within half a minute for a few', () => {
    const times = many(new ReturnTimes(new ManualClock(), even), 100)
    expect(Math.min(...times)).toBeGreaterThanOrEqual(2)
    expect(Math.max(...times)).toBeLessThan(30)
  })

  it('is spread so that a herd comes back a few at a time, and is short again when the herd is gone', () => {
    const clock = new ManualClock()
    const times = new ReturnTimes(clock, even)
    many(times, 4_000)
    const perSecond = new Map<number, number>()
    for (const time of many(times, 2_000)) perSecond.set(time, (perSecond.get(time) ?? 0) + 1)
    expect(Math.max(...perSecond.keys())).toBeGreaterThan(150)
    expect(Math.max(...perSecond.values())).toBeLessThanOrEqual(25)
    clock.now += 61_000
    expect(Math.max(...many(times, 50))).toBeLessThan(30)
  })

  it('is never longer than ten minutes', () => {
    expect(Math.max(...many(new ReturnTimes(new ManualClock(), even), 30_000))).toBeLessThan(600)
  })
})
