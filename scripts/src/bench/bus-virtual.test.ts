import { describe, expect, it } from 'vitest'
import { virtualBench } from './bus-virtual.js'

/** In virtual time the figures are exact, so unlike those of a bench they may be asserted. */
describe.each([8, 32])('a line of %d meters, 20 quantities each, as fast as it can', (meters) => {
  it('takes at most 3 % more than the least the wire allows, and keeps every silence', {
    timeout: 60_000,
  }, async () => {
    const { ratio, ignored } = await virtualBench({ meters, dead: [], minutes: 1 })
    expect(ratio).toBeGreaterThan(0.999)
    expect(ratio).toBeLessThan(1.03)
    expect(ignored).toBe(0)
  })
})

describe('dead units', () => {
  it('one of 8 leaves the others 98 % of their cadence, and is back within one probe period', {
    timeout: 60_000,
  }, async () => {
    const { ratio, backAfterMs } = await virtualBench({ meters: 8, dead: [5], minutes: 5 })
    expect(1 / ratio).toBeGreaterThan(0.98)
    expect(backAfterMs).toBeLessThan(60_000)
  })

  it('three of 32 leave the others 97 %', { timeout: 60_000 }, async () => {
    const { ratio, backAfterMs } = await virtualBench({ meters: 32, dead: [4, 17, 29], minutes: 5 })
    expect(1 / ratio).toBeGreaterThan(0.97)
    expect(backAfterMs).toBeLessThan(60_000)
  })
})
