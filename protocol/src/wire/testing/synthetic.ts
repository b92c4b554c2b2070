import { meterIdSchema, type Seq, seqSchema } from '../../ids.js'
import type { QuantityName } from '../../quantity/quantity.js'
import { bootId, epochMs, monoMs } from '../../time.js'
import type { Numbered, ReadingRecord } from '../records.js'

/**
 * Readings of a small plant for measuring sizes: 8 meters × 20 quantities every 10 s, the same on every machine.
 * Mains voltage wanders by a few tenths, presses swing between idle and full load every 40 s with 2 % noise, the
 * answer of each meter comes within a few milliseconds of its slot. Digits as an Eastron SDM630 gives them.
 */
export function syntheticReadings(rounds: number, meters = 8, seed = 1): Numbered<ReadingRecord>[] {
  const random = mulberry32(seed)
  const boot = bootId('5e8bb4a7-4d1c-4f1f-9d5e-0c9a7e0c1a11')
  const plants = Array.from({ length: meters }, (_, index) => new Press(index, random))
  const rows: Numbered<ReadingRecord>[] = []
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, press] of plants.entries()) {
      const mono = 600_000 + round * 10_000 + index * 180 + Math.floor(random() * 6)
      rows.push({
        seq: toSeq(rows.length + 1),
        record: {
          kind: 'reading',
          stamp: { boot, mono: monoMs(mono), wall: epochMs(1_790_000_000_000 + mono), quality: 'S' },
          meter: meterIdSchema.parse(`press-${index + 1}`),
          group: 'all',
          blocks: [0, 62 + Math.floor(random() * 5)],
          values: press.sample(round * 10),
        },
      })
    }
  }
  return rows
}

class Press {
  private energyWh: number
  private volts = 230

  constructor(
    private readonly index: number,
    private readonly random: () => number,
  ) {
    this.energyWh = 1_200_000 + index * 313_370
  }

  sample(atS: number): ReadingRecord['values'] {
    this.volts += this.noise(0.15) - (this.volts - 230) * 0.02
    const phase = ((atS + this.index * 7) % 40) / 40
    const load = (phase < 0.6 ? 9_000 : 2_200) * (1 + this.noise(0.02))
    this.energyWh += (load * 10) / 3600
    const phases = [0, 1, 2].map((k) => ({
      u: this.volts + k * 0.4 + this.noise(0.1),
      p: (load / 3) * (1 + this.noise(0.01)),
    }))
    const pf = 0.86 + this.noise(0.004)
    const apparent = load / pf
    const columns: [QuantityName, number, number][] = [
      ...phases.map(({ u }, k): [QuantityName, number, number] => [PHASES[k]?.u ?? 'frequency', u, -1]),
      ...phases.map(({ u }, k): [QuantityName, number, number] => [PHASES[k]?.ull ?? 'frequency', u * 1.732, -1]),
      ...phases.map(({ u, p }, k): [QuantityName, number, number] => [PHASES[k]?.i ?? 'frequency', p / u / pf, -2]),
      ...phases.map(({ p }, k): [QuantityName, number, number] => [PHASES[k]?.p ?? 'frequency', p, 0]),
      ['power_active_total', load, 0],
      ['power_reactive_total', Math.sqrt(apparent ** 2 - load ** 2), 0],
      ['power_apparent_total', apparent, 0],
      ['power_factor_total', pf, -3],
      ['frequency', 50 + this.noise(0.02), -2],
      ['energy_active_import_total', this.energyWh / 1000, -2],
      ['energy_active_export_total', 0, -2],
      ['energy_reactive_import_total', this.energyWh / 1700, -2],
    ]
    return columns.map(([quantity, value, exp], column) => ({
      quantity,
      block: column < 12 ? 0 : 1,
      value: { n: Math.round(value * 10 ** -exp), exp },
    }))
  }

  /** Nearly normal, by the sum of three uniform numbers. */
  private noise(sigma: number): number {
    return (this.random() + this.random() + this.random() - 1.5) * 2 * sigma
  }
}

const PHASES: readonly { u: QuantityName; ull: QuantityName; i: QuantityName; p: QuantityName }[] = [
  { u: 'voltage_l1_n', ull: 'voltage_l1_l2', i: 'current_l1', p: 'power_active_l1' },
  { u: 'voltage_l2_n', ull: 'voltage_l2_l3', i: 'current_l2', p: 'power_active_l2' },
  { u: 'voltage_l3_n', ull: 'voltage_l3_l1', i: 'current_l3', p: 'power_active_l3' },
]

const toSeq = (value: number): Seq => seqSchema.parse(value)

/** A small public-domain generator (mulberry32): same seed, same numbers. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
