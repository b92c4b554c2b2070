import {
  type AnchorRecord,
  amount,
  anchorRecordSchema,
  bootId,
  type EventRecord,
  epochMs,
  eventRecordSchema,
  type GapRecord,
  gapRecordSchema,
  type HeartbeatRequest,
  heartbeatRequestSchema,
  type IntervalRecord,
  intervalRecordSchema,
  monoMs,
  type ProductionRecord,
  productionRecordSchema,
  type ReadingRecord,
  readingRecordSchema,
  type Stamp,
  type UnitEnergyRecord,
  unitEnergyRecordSchema,
} from '@metergate/protocol'

/** 2026-11-23 08:00 UTC: where the tests' plant begins. */
export const T0 = 1_795_420_800_000
const BOOT = bootId('boot-1')

const stamp = (at: number): Stamp => ({ boot: BOOT, mono: monoMs(at - T0 + 1000), wall: epochMs(at), quality: 'S' })

/** One poll of press-1: power in 0.1 W and the import register in 0.01 kWh. */
export function reading(at: number, power: number, register: number, meter = 'press-1'): ReadingRecord {
  return readingRecordSchema.parse({
    kind: 'reading',
    stamp: stamp(at),
    meter,
    group: 'energy',
    blocks: [0, 40],
    values: [
      { quantity: 'power_active_total', block: 0, value: amount(power, -1) },
      { quantity: 'energy_active_import_total', block: 1, value: amount(register, -2) },
    ],
  })
}

export function silentReading(at: number, meter = 'press-1'): ReadingRecord {
  return readingRecordSchema.parse({
    kind: 'reading',
    stamp: stamp(at),
    meter,
    group: 'power',
    blocks: [null],
    values: [{ quantity: 'power_active_total', block: 0, absent: 'timeout' }],
  })
}

/** A quarter of an hour of press-1, registers in 0.01 kWh. */
export function interval(start: number, from: number, to: number, revision = 0, meter = 'press-1'): IntervalRecord {
  return intervalRecordSchema.parse({
    kind: 'interval',
    stamp: stamp(start + 900_000),
    meter,
    start,
    end: start + 900_000,
    revision,
    ...(revision > 0 ? { reason: 'late reading' } : {}),
    segment: 0,
    multiplier: amount(1, 0),
    deltas: [
      {
        quantity: 'energy_active_import_total',
        from: amount(from, -2),
        to: amount(to, -2),
        delta: amount(to - from, -2),
        flag: 'measured',
      },
    ],
    coverage: 1000,
    formula: 'v1',
  })
}

export function production(start: number, count: number, revision = 0): ProductionRecord {
  return productionRecordSchema.parse({
    kind: 'production',
    stamp: stamp(start),
    entry: 'entry:1',
    revision,
    product: 'eva-slipper',
    source: 'declared',
    start,
    end: start + 3_600_000,
    count: amount(count, 0),
    unit: 'pair',
  })
}

export function unitEnergy(start: number, value: number, revision = 0): UnitEnergyRecord {
  return unitEnergyRecordSchema.parse({
    kind: 'unit_energy',
    stamp: stamp(start),
    product: 'eva-slipper',
    meters: ['press-1'],
    period: 'hour',
    start,
    end: start + 3_600_000,
    revision,
    energy: amount(1000, -2),
    output: amount(100, 0),
    value: amount(value, -6),
    unit: 'pair',
    matched: 1000,
    estimated: 0,
    formula: 'v1',
  })
}

export function event(at: number, code = 'bus_down'): EventRecord {
  return eventRecordSchema.parse({ kind: 'event', stamp: stamp(at), code, facts: { bus: 'rs485-1' } })
}

/** True time of an instant of a boot. */
export function anchor(boot: string, mono: number, trueWall: number, errorMs = 50): AnchorRecord {
  return anchorRecordSchema.parse({
    kind: 'anchor',
    stamp: { ...stamp(T0), boot, mono },
    boot,
    mono,
    true_wall: trueWall,
    error_ms: errorMs,
    source: 'cloud',
  })
}

export function gap(stream: string, firstBatch: number, lastBatch: number, first: number, last: number): GapRecord {
  return gapRecordSchema.parse({
    kind: 'gap',
    stamp: stamp(T0),
    stream,
    stream_kind: 'detail',
    first,
    last,
    first_batch: firstBatch,
    last_batch: lastBatch,
    reason: 'storage_full',
  })
}

export function heartbeat(at: number): HeartbeatRequest {
  return heartbeatRequestSchema.parse({
    sent_at: at,
    boot: 'boot-1',
    mono: 1000,
    versions: { software: 'metergate/0.1.0' },
    clock: { quality: 'S', offset_ms: 12 },
    backlog: { records: 3, batches: 1, oldest_at: at - 1000 },
    streams: [],
    store: { size_bytes: 1, cap_bytes: 2, quarantined: 0, evicted_records: 0, degraded: null },
    buses: [{ name: 'rs485-1', state: 'up', requests: 10, faults: 1 }],
    meters: [
      {
        id: 'press-1',
        label: '1号发泡机',
        profile: 'eastron-sdm630',
        unit: '1',
        ratios: { ct: { n: 1, exp: 0 }, pt: { n: 1, exp: 0 } },
        state: 'ok',
        last: [{ quantity: 'power_active_total', at, value: { n: 12345, exp: -1 } }],
      },
    ],
    products: [{ id: 'eva-slipper', label: 'EVA拖鞋', unit: 'pair', meters: ['press-1'] }],
  })
}
