import {
  amount,
  type Clock,
  type EventRecord,
  epochMs,
  gatewayIdSchema,
  type IntervalRecord,
  invariant,
  meterIdSchema,
  type Random,
  type ReadingRecord,
  type Stamp,
  type StreamId,
  type StreamKind,
} from '@metergate/protocol'
import type { Disk } from '../disk.js'
import type { RecordStore, Sealer } from '../record-store.js'

export const SEALER: Sealer = {
  gateway: gatewayIdSchema.parse('gw-0123456789'),
  software: 'metergate/0.0.0-test',
  config: 'test',
}

export const ROOMY_DISK: Disk = { freeBytes: () => 1e12 }

/** The same "random" numbers every time (mulberry32). */
export class SeededRandom implements Random {
  constructor(private state = 1) {}

  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => Math.floor(this.next() * 256))
  }
}

export const stampOf = (clock: Clock): Stamp => ({
  boot: clock.bootId,
  mono: clock.mono(),
  wall: clock.wall(),
  quality: 'S',
})

/** The stream of a kind that is written now. */
export function streamOf(store: RecordStore, kind: StreamKind = 'detail'): StreamId {
  const found = store.health().streams.findLast((each) => each.kind === kind)
  invariant(found, `no ${kind} stream`)
  return found.stream
}

/** A reading whose value is the given integer, so that it can be told from every other. */
export function reading(clock: Clock, n: number, meter = 'press-1'): ReadingRecord {
  return {
    kind: 'reading',
    stamp: stampOf(clock),
    meter: meterIdSchema.parse(meter),
    group: 'power',
    blocks: [0],
    values: [{ quantity: 'power_active_total', block: 0, value: amount(n, 0) }],
  }
}

export function event(clock: Clock, n: number): EventRecord {
  return { kind: 'event', stamp: stampOf(clock), code: 'test_event', facts: { n } }
}

export function interval(clock: Clock, startMs: number, meter = 'press-1'): IntervalRecord {
  return {
    kind: 'interval',
    stamp: stampOf(clock),
    meter: meterIdSchema.parse(meter),
    start: epochMs(startMs),
    end: epochMs(startMs + 900_000),
    revision: 0,
    segment: 0,
    multiplier: amount(1, 0),
    deltas: [
      {
        quantity: 'energy_active_import_total',
        from: amount(100, -2),
        to: amount(250, -2),
        delta: amount(150, -2),
        flag: 'measured',
      },
    ],
    coverage: 1000,
    formula: 'interval/1',
  }
}
