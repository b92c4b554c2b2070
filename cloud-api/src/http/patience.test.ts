import type { DurationMs } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { StoreUnavailable } from '../store/sql.js'
import { STORE_PATIENCE_MS, StorePatience } from './patience.js'

/** A clock on which whoever sleeps wakes up when the test says so, or is called off. */
class Alarm {
  readonly waited: number[] = []
  private ringing: (() => void)[] = []

  sleep(duration: DurationMs, signal?: AbortSignal): Promise<void> {
    this.waited.push(duration)
    return new Promise((resolve, reject) => {
      this.ringing.push(resolve)
      signal?.addEventListener('abort', () => reject(signal.reason))
    })
  }

  ring(): void {
    for (const each of this.ringing.splice(0)) each()
  }
}

/** A database server that answers only when the test says so. */
class SilentStore {
  asked = 0
  private settle: ((outcome: Promise<void>) => void)[] = []

  constructor(readonly kind: 'sqlite' | 'postgres' = 'postgres') {}

  ping(): Promise<void> {
    this.asked += 1
    return new Promise((resolve) => this.settle.push(resolve))
  }

  answer(outcome = Promise.resolve()): void {
    for (const each of this.settle.splice(0)) each(outcome)
  }
}

const never = () => new Promise<never>(() => undefined)

function silenced() {
  const [clock, store] = [new Alarm(), new SilentStore()]
  const patience = new StorePatience(clock, store)
  const first = expect(patience.within(never)).rejects.toBeInstanceOf(StoreUnavailable)
  clock.ring()
  return first.then(() => ({ clock, store, patience }))
}

describe('patience with a store', () => {
  it('gives what came in time, also a failure', async () => {
    const patience = new StorePatience(new Alarm(), new SilentStore())
    expect(await patience.within(async () => 'stored')).toBe('stored')
    await expect(patience.within(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await patience.within(async () => 'stored')).toBe('stored')
  })

  it('ends when the store does not answer, and whatever comes later harms nobody', async () => {
    const clock = new Alarm()
    const patience = new StorePatience(clock, new SilentStore())
    let fail: (reason: Error) => void = () => undefined
    const outcome = patience.within(() => new Promise<never>((_resolve, reject) => (fail = reject)))
    clock.ring()
    await expect(outcome).rejects.toBeInstanceOf(StoreUnavailable)
    expect(clock.waited).toEqual([STORE_PATIENCE_MS])
    fail(new Error('too late'))
  })

  it('lets nobody wait for a silent store but the one who asks whether it is back', async () => {
    const { store, patience } = await silenced()
    let worked = 0
    const work = async () => {
      worked += 1
      return 'stored'
    }
    const asking = patience.within(work)
    await expect(patience.within(work)).rejects.toBeInstanceOf(StoreUnavailable)
    expect([store.asked, worked]).toEqual([1, 0])
    store.answer()
    expect(await asking).toBe('stored')
    expect(await patience.within(work)).toBe('stored')
    expect([store.asked, worked]).toEqual([1, 2])
  })

  it('waits no longer for the question and the work than for the work alone, and begins none too late', async () => {
    const { clock, store, patience } = await silenced()
    let worked = 0
    const outcome = patience.within(async () => {
      worked += 1
    })
    clock.ring()
    await expect(outcome).rejects.toBeInstanceOf(StoreUnavailable)
    store.answer()
    await new Promise((resolve) => setImmediate(resolve))
    expect(worked).toBe(0)
    expect(await patience.within(async () => 'back')).toBe('back')
  })

  it('asks again after the question failed', async () => {
    const { store, patience } = await silenced()
    const outcome = expect(patience.within(never)).rejects.toBeInstanceOf(StoreUnavailable)
    store.answer(Promise.reject(new StoreUnavailable('refused')))
    await outcome
    const again = patience.within(async () => 'back')
    store.answer()
    expect(await again).toBe('back')
  })

  it('waits for SQLite, which works in this very process', async () => {
    const clock = new Alarm()
    expect(await new StorePatience(clock, new SilentStore('sqlite')).within(async () => 'stored')).toBe('stored')
    expect(clock.waited).toEqual([])
  })
})
