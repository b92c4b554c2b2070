import { ok, seqSchema } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { event, reading } from './testing/make.js'
import { ManualClock } from './testing/manual-clock.js'
import { type AppendOutcome, WriteQueue } from './write-queue.js'

const clock = new ManualClock()
const REFUSED: AppendOutcome = { ok: false, fault: { kind: 'io', why: 'planted' } }

/** Adds appends of one reading and one event each while the disk refuses. */
function refuse(queue: WriteQueue, appends: number, told: AppendOutcome[] = []): void {
  for (let n = 0; n < appends; n += 1) {
    queue.add([reading(clock, n), event(clock, n)], clock.mono(), (outcome) => told.push(outcome))
    queue.refuseAll(REFUSED)
    queue.shrink()
  }
}

describe('what waits for the disk', () => {
  it('stays within its bound for as long as the disk refuses: of what is lost only the count is kept', () => {
    const queue = new WriteQueue(20_000)
    refuse(queue, 5_000)
    const { lost, entries } = queue.head()
    const kept = entries.flatMap(({ items }) => items)
    expect(kept.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(20_000)
    expect(lost.detail).toBe(5_000)
    expect(lost.ledger + kept.length).toBe(5_000)
    expect(entries.length).toBeLessThan(200)
  })

  it('tells everyone once', () => {
    const queue = new WriteQueue(1_000)
    const told: AppendOutcome[] = []
    refuse(queue, 20, told)
    expect(told).toEqual(Array.from({ length: 20 }, () => REFUSED))
    queue.add([reading(clock, 1)], clock.mono(), (outcome) => told.push(outcome))
    const { lost, entries } = queue.head()
    const last = entries.at(-1)?.order ?? 0
    const used = { detail: lost.detail + 1, ledger: 20 }
    queue.brought({ used, upTo: last, seqs: new Map([[last, [seqSchema.parse(21)]]]) })
    expect(told.at(-1)).toEqual(ok([21]))
    expect(queue.isEmpty).toBe(true)
  })

  it('does not lose again what was given up after the commit that brought it', () => {
    const queue = new WriteQueue(1e9)
    refuse(queue, 10)
    const tried = queue.head()
    const used = { detail: 10, ledger: 10 }
    const upTo = tried.entries.at(-1)?.order ?? 0
    const small = new WriteQueue(0)
    refuse(small, 12)
    // Twelve readings and events are given up; ten of each turn out to be on the disk.
    small.brought({ used, upTo, seqs: new Map() })
    expect(small.head().lost).toEqual({ detail: 2, ledger: 2 })
  })

  it('goes to the disk in pieces when it has become long', () => {
    const queue = new WriteQueue(1e9)
    refuse(queue, 3_000)
    const pieces: number[] = []
    while (!queue.isEmpty) {
      const { entries } = queue.head()
      pieces.push(entries.length)
      queue.brought({ used: { detail: 0, ledger: 0 }, upTo: entries.at(-1)?.order ?? 0, seqs: new Map() })
    }
    expect(pieces).toEqual([2_000, 1_000])
  })
})
