import { epochMs, monoMs } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { StoreUnavailable } from '../store/sql.js'
import { ManualClock } from '../testing/cloud-harness.js'
import { patiently } from './patience.js'

describe('patience with a store', () => {
  const store = { kind: 'postgres' as const }

  it('gives what came in time, also a failure', async () => {
    const clock = new ManualClock()
    expect(await patiently({ clock, store }, Promise.resolve('stored'))).toBe('stored')
    await expect(patiently({ clock, store }, Promise.reject(new Error('no')))).rejects.toThrow('no')
  })

  it('ends when the store does not answer, and whatever comes later harms nobody', async () => {
    let fail: (reason: Error) => void = () => undefined
    const work = new Promise<never>((_resolve, reject) => {
      fail = reject
    })
    const impatient = { bootId: new ManualClock().bootId, wall: () => epochMs(0), mono: () => monoMs(0) }
    const waited: number[] = []
    const clock = { ...impatient, sleep: async (duration: number) => void waited.push(duration) }
    await expect(patiently({ clock, store }, work)).rejects.toBeInstanceOf(StoreUnavailable)
    expect(waited).toEqual([1_500])
    fail(new Error('too late'))
  })
})
