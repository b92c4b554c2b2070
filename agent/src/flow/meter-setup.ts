import {
  type Amount,
  compare,
  type Dlt645Item,
  factorOf,
  groupOf,
  invariant,
  itemModulus,
  type MeterId,
  type MeterProfile,
  type ModbusItem,
  multiply,
  type QuantityName,
  quantity,
  type Ratio,
} from '@metergate/protocol'
import type { UnitFacts } from '../bus/line-guard.js'
import { type UnitKey, unitKey } from '../bus/question.js'
import type { LoadedConfig } from '../config/load.js'
import type { GatewayConfig, LineConfig, MeterEntry, ProductEntry } from '../config/schema.js'
import type { MeterPlan } from '../energy/energy-desk.js'
import type { CounterSpec } from '../energy/interval-cutter.js'
import { INTERVAL_MINUTES, type IntervalMinutes } from '../energy/plant-time.js'
import type { ProductPlan, ShiftPlan } from '../energy/product-book.js'
import type { MeterSetup } from '../meter/meter-session.js'
import type { RatePlan } from './energy-rates.js'

const ONE: Amount = { n: 1, exp: 0 }

/** Counters that become intervals wherever a meter has them; others (per phase, per rate) stay readings. */
const CUT_ALWAYS: readonly QuantityName[] = [
  'energy_active_import_total',
  'energy_active_export_total',
  'energy_reactive_import_total',
  'energy_reactive_export_total',
]

/** One configured meter as the line needs it. */
export function meterSetup(entry: MeterEntry, line: LineConfig, profile: MeterProfile): MeterSetup {
  const { baud, format } = serialOf(entry, line)
  return {
    id: entry.id,
    profile,
    target: targetOf(entry, profile),
    ratio: ratioOf(entry, profile),
    limits: entry.max_power_kw ? { maxPowerW: kilowatts(entry.max_power_kw) * 1000 } : {},
    settings: { baud, format, turnaroundMs: profile.turnaround_ms.typical },
  }
}

/** What the bus must know of the units on a line: their own speed, their pause, how fast they answer. */
export function unitFacts(loaded: LoadedConfig, line: LineConfig): ReadonlyMap<UnitKey, UnitFacts> {
  return new Map(
    loaded.config.meters
      .filter((entry) => entry.line === line.id)
      .map((entry) => {
        const profile = profileOf(loaded, entry.id)
        const own = serialOf(entry, line)
        const differs = own.baud !== line.baud || own.format !== line.format
        return [
          keyOf(targetOf(entry, profile)),
          {
            ...(differs ? { settings: own } : {}),
            pauseMs: profile.pause_ms,
            turnaround: profile.turnaround_ms,
          },
        ]
      }),
  )
}

/** The counters of one meter that are cut into intervals, with what is known of their registers. */
export function meterPlan(
  entry: MeterEntry,
  profile: MeterProfile,
  products: readonly ProductEntry[],
  contractKw?: Amount,
): MeterPlan {
  const wanted = new Set<QuantityName>([...CUT_ALWAYS, ...countedOn(entry.id, products)])
  const items: readonly (ModbusItem | Dlt645Item)[] = profile.items
  const counters = items.filter((item) => wanted.has(item.quantity) && quantity(item.quantity).nature === 'counter')
  const ratio = ratioOf(entry, profile)
  const groups = new Set(counters.map((item) => groupOf(item)))
  const cadence = groups.has('power') ? entry.poll.power : entry.poll.energy
  return {
    id: entry.id,
    periodMs: cadence,
    counters: counters.map((item) => counterSpec(item, ratio, largestPower(item, entry, ratio, contractKw))),
    ...(ratio ? { ratio: multiply(ratio.ct, ratio.pt) } : {}),
  }
}

const RATE = /^energy_active_import_t\d$/

/** How the registers by rate of a meter are set against its total; undefined when it has none. */
export function ratePlan(entry: MeterEntry, profile: MeterProfile): RatePlan | undefined {
  const items: readonly (ModbusItem | Dlt645Item)[] = profile.items
  const total = items.find((item) => item.quantity === 'energy_active_import_total')
  const rates = items.filter((item) => RATE.test(item.quantity))
  if (!total || rates.length < 2) return undefined
  const slowest = Math.max(
    ...[total, ...rates].map((item) => {
      const group = groupOf(item)
      return group === 'identity' ? 0 : entry.poll[group]
    }),
  )
  return {
    total: total.quantity,
    rates: rates.map((item) => item.quantity),
    step: stepOf(total, factorOf(total, ratioOf(entry, profile))),
    withinMs: 2 * slowest,
  }
}

export function productPlan(entry: ProductEntry): ProductPlan {
  const { id, unit, counter, reject_counter: reject } = entry
  if (!counter) return { id, unit, meters: entry.energy, counters: [] }
  const perCount = counter.pieces_per_pulse ?? { n: counter.cavities ?? 1, exp: 0 }
  const rejected = reject && {
    quantity: reject.quantity,
    perCount: reject.pieces_per_pulse ?? { n: reject.cavities ?? 1, exp: 0 },
  }
  return {
    id,
    unit,
    meters: entry.energy,
    counters: [
      {
        product: id,
        meter: counter.meter,
        quantity: counter.quantity,
        // A shot of a mould is a signal from which pieces are worked out; a pulse per piece is a count.
        source: counter.cavities === undefined ? 'counter' : 'cycle_signal',
        unit,
        perCount,
        ...(rejected ? { reject: rejected } : {}),
      },
    ],
  }
}

export function shiftPlans(config: GatewayConfig): ShiftPlan[] {
  return config.plant.shifts.map(({ id, from, to }) => ({ name: id, fromMinute: from, untilMinute: to }))
}

/** The plant's interval, as energy counts it. */
export function intervalMinutes(config: GatewayConfig): IntervalMinutes {
  const wanted = INTERVAL_MINUTES.find((minutes) => minutes * 60_000 === config.plant.interval)
  invariant(wanted, `interval of ${config.plant.interval} ms`)
  return wanted
}

export function profileOf(loaded: LoadedConfig, meter: MeterId): MeterProfile {
  const profile = loaded.meterProfiles.get(meter)
  invariant(profile, `meter ${meter} was checked to have a profile`)
  return profile
}

/** CT and PT for meters whose registers leave them out; undefined where values are already primary. */
export function ratioOf(entry: MeterEntry, profile: MeterProfile): Ratio | undefined {
  return profile.values_are === 'secondary' ? { ct: entry.ct ?? ONE, pt: entry.pt ?? ONE } : undefined
}

function serialOf(entry: MeterEntry, line: LineConfig) {
  return { baud: entry.serial?.baud ?? line.baud, format: entry.serial?.format ?? line.format }
}

function targetOf(entry: MeterEntry, profile: MeterProfile): MeterSetup['target'] {
  if (profile.protocol === 'dlt645') {
    invariant(entry.address, `${entry.id}: a DL/T 645 meter has an address`)
    return { address: entry.address }
  }
  invariant(entry.unit !== undefined, `${entry.id}: a Modbus meter has a unit id`)
  return { unit: entry.unit }
}

function keyOf(target: MeterSetup['target']): UnitKey {
  return 'unit' in target
    ? unitKey({ protocol: 'modbus', unit: target.unit })
    : unitKey({ protocol: 'dlt645', address: target.address })
}

function countedOn(meter: MeterId, products: readonly ProductEntry[]): QuantityName[] {
  return products.flatMap(({ counter, reject_counter: reject }) =>
    counter?.meter === meter ? [counter.quantity, ...(reject ? [reject.quantity] : [])] : [],
  )
}

/** What is known of the most a counter can rise in an hour. */
type LargestPower = Pick<CounterSpec, 'maxPerHour' | 'presumedPerHour'>

/** A transformer's 5 A with a fifth more, three phases, and 400 V each: no common network has more. */
const KW_PER_CT: Amount = { n: 72, exp: -1 }
/** A contract may be exceeded, a transformer overloaded; what is twice as much was no power. */
const CONTRACTS: Amount = { n: 2, exp: 0 }

/**
 * As configured, or presumed from the transformer and the contract: so generous that a true rise is never disbelieved, and still
 * far from 10 MW. A meter without a transformer says nothing of its greatest current; what is fed in is bound by no contract.
 */
function largestPower(
  item: ModbusItem | Dlt645Item,
  entry: MeterEntry,
  ratio: Ratio | undefined,
  contractKw: Amount | undefined,
): LargestPower {
  if (quantity(item.quantity).unit === 'pulse') return {}
  if (entry.max_power_kw && quantity(item.quantity).unit === 'kWh') return { maxPerHour: entry.max_power_kw }
  const byCt = ratio && compare(ratio.ct, ONE) > 0 ? [multiply(multiply(ratio.ct, ratio.pt), KW_PER_CT)] : []
  const byContract = contractKw && !item.quantity.includes('export') ? [multiply(contractKw, CONTRACTS)] : []
  const [least] = [...byCt, ...byContract].sort(compare)
  return least ? { presumedPerHour: least } : {}
}

function counterSpec(item: ModbusItem | Dlt645Item, ratio: Ratio | undefined, power: LargestPower): CounterSpec {
  const modulus = itemModulus(item, ratio)
  const factor = factorOf(item, ratio)
  return {
    quantity: item.quantity,
    ...(modulus ? { modulus } : {}),
    ...power,
    ...(ratio ? { step: stepOf(item, factor) } : {}),
  }
}

/** One count of the meter's own register, after the ratio. */
function stepOf(item: ModbusItem | Dlt645Item, factor: Amount): Amount {
  const digits = item.exponent ?? -(item.scale.split('.')[1]?.length ?? 0)
  return { n: factor.n, exp: factor.exp + digits }
}

const kilowatts = ({ n, exp }: Amount): number => n * 10 ** exp
