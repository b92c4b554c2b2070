import { invariant, type MeterId } from '@metergate/protocol'
import { type Electrical, electricalAt, type PhaseShares, phaseShares } from './electrical.js'
import { Load } from './load.js'
import type { MeterSpec, PlantSpec } from './schema.js'

/** The truth of one meter at one instant, on the primary side. */
export interface MeterTruth {
  readonly epochMs: number
  /** Since `since`, plus the start reading; milliwatt-seconds: 1 kWh = 3 600 000 000. Exact. */
  readonly energyMws: bigint
  readonly phaseEnergyMws: readonly [bigint, bigint, bigint]
  readonly reactiveMvars: bigint
  readonly phaseReactiveMvars: readonly [bigint, bigint, bigint]
  /** Good pieces of the presses behind it since `since`. */
  readonly pieces: number
  /** What a pulse counter shows: pieces plus its start reading. */
  readonly pulses: number
  readonly electrical: Electrical
}

/** 1 kWh in milliwatt-seconds (W·ms). */
export const MWS_PER_KWH = 3_600_000_000n

interface Feeder {
  readonly load: Load
  readonly shares: PhaseShares
}

/**
 * The plant's one truth: every register of every meter, and every total to check against, is read from here.
 * A function of (plant file, seed, time) alone: two processes with the same plant agree at every instant.
 */
export class Plant {
  readonly spec: PlantSpec
  readonly #feeders = new Map<string, Feeder>()
  readonly #holdAt: number | undefined
  /** The last answer per meter: its registers stand still between two refreshes. */
  readonly #latest = new Map<string, MeterTruth>()

  /** `holdAtMs` freezes everything as of that instant: values constant, energy at a stand. */
  constructor(spec: PlantSpec, options: { readonly holdAtMs?: number } = {}) {
    this.spec = spec
    this.#holdAt = options.holdAtMs
    for (const load of spec.loads) {
      this.#feeders.set(load.id, {
        load: new Load(load, spec.seed, spec.since),
        shares: phaseShares(spec.seed, load.id),
      })
    }
  }

  meter(id: MeterId | string): MeterSpec {
    const spec = this.spec.meters.find((meter) => meter.id === id)
    invariant(spec, `no meter is called "${id}" (there are: ${this.spec.meters.map((meter) => meter.id).join(', ')})`)
    return spec
  }

  /** What the meter's registers stem from at `epochMs` (after its own refresh interval and a hold). */
  registerInstant(meter: MeterSpec, epochMs: number): number {
    if (this.#holdAt !== undefined) return this.#holdAt
    return meter.refreshMs === 0 ? Math.floor(epochMs) : Math.floor(epochMs / meter.refreshMs) * meter.refreshMs
  }

  /** The truth behind a meter at exactly `epochMs` (or at the hold). */
  truthAt(meterId: MeterId | string, epochMs: number): MeterTruth {
    const at = this.#holdAt ?? Math.floor(epochMs)
    const latest = this.#latest.get(meterId)
    if (latest?.epochMs === at) return latest
    const truth = this.#workOut(this.meter(meterId), at)
    this.#latest.set(meterId, truth)
    return truth
  }

  #workOut(meter: MeterSpec, at: number): MeterTruth {
    const sum = new PhaseSum()
    let pieces = 0
    for (const id of meter.loads) {
      const feeder = this.#feeders.get(id)
      invariant(feeder, `no load is called "${id}"`)
      const state = feeder.load.at(at)
      sum.add(state.watts, state.vars, state.energyMws, state.reactiveMvars, feeder.shares)
      if (feeder.load.spec.kind === 'press') pieces += state.cycles * feeder.load.spec.cavities
    }
    const start = startMws(meter)
    const phaseEnergyMws = sum.energy(start)
    return {
      epochMs: at,
      energyMws: phaseEnergyMws[0] + phaseEnergyMws[1] + phaseEnergyMws[2],
      phaseEnergyMws,
      reactiveMvars: sum.reactive[0] + sum.reactive[1] + sum.reactive[2],
      phaseReactiveMvars: sum.reactive,
      pieces,
      pulses: pieces + Math.floor(Number(meter.startReading)),
      electrical: electricalAt(this.spec.seed, at, sum),
    }
  }
}

/** kWh in decimal text to milliwatt-seconds; digits beyond the ninth decimal are below a milliwatt-second. */
function startMws(meter: MeterSpec): bigint {
  const [whole = '0', fraction = ''] = meter.startReading.split('.')
  return (BigInt(whole + fraction.padEnd(9, '0').slice(0, 9)) * MWS_PER_KWH) / 1_000_000_000n
}

/** Adds loads phase by phase. Shares are thousandths of whole watts, so energies in W·ms/1000 stay whole until the end. */
class PhaseSum {
  readonly watts: [number, number, number] = [0, 0, 0]
  readonly vars: [number, number, number] = [0, 0, 0]
  readonly reactive: [bigint, bigint, bigint] = [0n, 0n, 0n]
  readonly #active: [bigint, bigint, bigint] = [0n, 0n, 0n]

  add(watts: number, vars: number, energyMws: bigint, reactiveMvars: bigint, shares: PhaseShares): void {
    const active = split(energyMws, shares)
    const reactive = split(reactiveMvars, shares)
    for (const phase of [0, 1, 2] as const) {
      this.watts[phase] += (watts * shares[phase]) / 1000
      this.vars[phase] += (vars * shares[phase]) / 1000
      this.#active[phase] += active[phase]
      this.reactive[phase] += reactive[phase]
    }
  }

  energy(start: bigint): [bigint, bigint, bigint] {
    const share = split(start, [333, 333, 334])
    return [this.#active[0] + share[0], this.#active[1] + share[1], this.#active[2] + share[2]]
  }
}

/** Splits by thousandths; the third phase takes the remainder, so that the parts always add up to the whole. */
function split(total: bigint, shares: PhaseShares): [bigint, bigint, bigint] {
  const first = (total * BigInt(shares[0])) / 1000n
  const second = (total * BigInt(shares[1])) / 1000n
  return [first, second, total - first - second]
}
