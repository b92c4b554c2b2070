import { SqliteRecordStore, SystemClock, SystemRandom } from '@metergate/agent'
import {
  type Amount,
  add,
  amount,
  compare,
  formatAmount,
  intervalsAnswerSchema,
  multiply,
  type QuantityName,
  type ReadingRecord,
  type ReconcileAnswer,
  ratio,
  reconcileAnswerSchema,
  subtract,
  type UnitEnergyRecord,
  unitEnergyAnswerSchema,
} from '@metergate/protocol'
import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { buildMeter, Plant, type PlantSpec, type SimulatedMeter } from '@metergate/simulator'
import type { DemoFiles } from './plant.js'
import type { AnswerTimes } from './stack.js'

/** One line of the table: the same register as the truth, the device and the cloud have it. */
export interface RegisterRow {
  readonly meter: string
  readonly quantity: string
  readonly at: number
  readonly truth: Amount | undefined
  readonly device: Amount | undefined
  readonly cloud: Amount
  readonly agrees: boolean
}

export interface Reconciliation {
  readonly registers: readonly RegisterRow[]
  /** kWh per piece from the first reading to the last acknowledged one, six decimals. */
  readonly unitEnergy: {
    readonly truth: Amount | undefined
    readonly device: Amount | undefined
    readonly cloud: Amount | undefined
    readonly agrees: boolean
  }
  /** The same from the closed intervals of the ledger: device and cloud to the digit. */
  readonly ledger: {
    readonly figures: number
    readonly device: Amount | undefined
    readonly cloud: Amount | undefined
    readonly agrees: boolean
  }
  readonly readings: { readonly taken: number; readonly stored: number }
  readonly records: {
    readonly stored: number
    readonly acknowledged: number
    readonly waiting: number
    readonly lost: number
    readonly doubled: number
    readonly replays: number
  }
  readonly problems: readonly string[]
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const SOURCES = ['press-1', 'press-2'] as const
const IMPORT: QuantityName = 'energy_active_import_total'
const PULSES: QuantityName = 'pulse_count_1'

interface DeviceSide {
  readonly readings: ReadonlyMap<number, ReadingRecord>
  readonly firsts: ReadonlyMap<string, { readonly value: Amount; readonly at: number }>
  readonly unitEnergy: readonly UnitEnergyRecord[]
  readonly lastSeq: ReadonlyMap<string, number>
  readonly waiting: ReadonlyMap<string, number>
}

/** Compares truth, device and cloud after the agent has stopped; opens the agent's store itself. */
export async function reconcile(options: {
  readonly files: DemoFiles
  readonly spec: PlantSpec
  readonly cloud: string
  readonly token: string
  readonly gateway: string
  readonly answers: AnswerTimes
  readonly taken: number
  /** Readings of an earlier run in the same store (history). */
  readonly takenBefore: number
}): Promise<Reconciliation> {
  const cloud = reconcileAnswerSchema.parse(await get(options, `gateways/${options.gateway}/reconcile`))
  const device = await readDevice(options.files)
  const truth = new Truth(options.spec, options.answers)
  const registers = registerRows(cloud, device, truth)
  const records = countRecords(cloud, device)
  const unitEnergy = unitEnergyOf(registers, await firstRegisters(options, device), device, truth)
  const ledger = await ledgerOf(options, device)
  const stored = device.readings.size
  const readings = { taken: options.taken + options.takenBefore, stored }
  const problems = [
    ...registers
      .filter((row) => !row.agrees)
      .map((row) => `${row.meter} ${row.quantity}: truth, device and cloud differ`),
    ...(registers.length < options.spec.meters.length ? ['not every meter has an acknowledged register'] : []),
    ...(unitEnergy.agrees ? [] : ['kWh per product differs from the truth']),
    ...(ledger.agrees ? [] : ['kWh per product of the ledger differs between device and cloud']),
    ...(readings.taken === stored ? [] : [`${readings.taken} readings taken, but ${stored} stored`]),
    ...(records.lost > 0 ? [`${records.lost} acknowledged records are not in the cloud`] : []),
    ...(records.doubled > 0 ? [`${records.doubled} records are in the cloud twice`] : []),
    ...(cloud.rejected.length > 0 ? [`the cloud could not interpret ${cloud.rejected.length} records`] : []),
    ...cloud.streams
      .filter(({ chain_broken: broken }) => broken > 0)
      .map(({ kind }) => `the chain of ${kind} is broken`),
  ]
  return { registers, unitEnergy, ledger, readings, records, problems }
}

/** What the meters really held, from the plant alone: neither wire nor codec is asked. */
class Truth {
  readonly #meters: ReadonlyMap<string, SimulatedMeter>

  constructor(
    private readonly spec: PlantSpec,
    private readonly answers: AnswerTimes,
  ) {
    const plant = new Plant(spec)
    const profiles = loadBuiltinProfiles()
    this.#meters = new Map(spec.meters.map((meter) => [meter.id, buildMeter(meter, plant, profiles)]))
  }

  /** The register of the answer that arrived at `at`, on the primary side. */
  at(meter: string, quantity: QuantityName, at: number): Amount | undefined {
    const simulated = this.#meters.get(meter)
    const register = simulated?.registerAmount(quantity, this.answers.before(meter, at) ?? at)
    const isEnergy = quantity === IMPORT
    if (!register || !simulated) return undefined
    return isEnergy && simulated.profile.values_are === 'secondary'
      ? multiply(register, amount(this.#ratio(meter), 0))
      : register
  }

  #ratio(meter: string): number {
    const found = this.spec.meters.find(({ id }) => id === meter)
    return (found?.ct ?? 1) * (found?.pt ?? 1)
  }
}

function registerRows(cloud: ReconcileAnswer, device: DeviceSide, truth: Truth): RegisterRow[] {
  return cloud.meters.flatMap(({ meter, registers }) =>
    registers
      .filter(({ quantity }) => quantity === IMPORT || quantity === PULSES)
      .map((register) => {
        const reading = device.readings.get(register.record)
        const held = reading?.meter === meter ? valueIn(reading, register.quantity) : undefined
        const real = truth.at(meter, register.quantity, held?.at ?? register.at)
        const agrees =
          held !== undefined &&
          real !== undefined &&
          compare(held.value, register.value) === 0 &&
          compare(real, register.value) === 0
        return {
          meter,
          quantity: register.quantity,
          at: register.at,
          truth: real,
          device: held?.value,
          cloud: register.value,
          agrees,
        }
      }),
  )
}

function unitEnergyOf(
  rows: readonly RegisterRow[],
  cloudFirsts: ReadonlyMap<string, Amount>,
  device: DeviceSide,
  truth: Truth,
): Reconciliation['unitEnergy'] {
  const used = (
    first: (meter: string, quantity: QuantityName) => Amount | undefined,
    last: (row: RegisterRow) => Amount | undefined,
  ) => {
    const difference = (meter: string, quantity: QuantityName): Amount | undefined => {
      const row = rows.find((one) => one.meter === meter && one.quantity === quantity)
      const [from, to] = [first(meter, quantity), row && last(row)]
      return from && to ? subtract(to, from) : undefined
    }
    const energies = SOURCES.map((meter) => difference(meter, IMPORT))
    const pieces = difference('counter', PULSES)
    if (!pieces || energies.some((one) => !one)) return undefined
    return ratio(
      energies.reduce<Amount>((sum, one) => (one ? add(sum, one) : sum), amount(0, 0)),
      pieces,
      -6,
    )
  }
  const deviceFirst = (meter: string, quantity: QuantityName) => device.firsts.get(`${meter} ${quantity}`)
  const figures = {
    truth: used(
      (meter, quantity) => {
        const first = deviceFirst(meter, quantity)
        return first && truth.at(meter, quantity, first.at)
      },
      (row) => row.truth,
    ),
    device: used(
      (meter, quantity) => deviceFirst(meter, quantity)?.value,
      (row) => row.device,
    ),
    cloud: used(
      (meter, quantity) => cloudFirsts.get(`${meter} ${quantity}`),
      (row) => row.cloud,
    ),
  }
  const { truth: real, device: held, cloud: known } = figures
  // The first minute closes no interval, and the cloud then has no first register to compare.
  return { ...figures, agrees: same(real, held) && (cloudFirsts.size === 0 || same(held, known)) }
}

/** The register at which the cloud's intervals of a meter begin: its first reading, as the first interval's part tells. */
async function firstRegisters(
  options: { readonly cloud: string; readonly token: string; readonly gateway: string },
  { firsts }: DeviceSide,
): Promise<ReadonlyMap<string, Amount>> {
  const found = new Map<string, Amount>()
  for (const [key, { at }] of firsts) {
    const [meter = '', quantity] = key.split(' ')
    const range = `from=${at - HOUR_MS}&to=${at + HOUR_MS}`
    const path = `gateways/${options.gateway}/meters/${meter}/intervals?${range}`
    const { intervals } = intervalsAnswerSchema.parse(await get(options, path))
    const delta = intervals[0]?.deltas.find((one) => one.quantity === quantity)
    const register = delta?.from ?? delta?.parts?.[0]?.from
    if (register) found.set(key, register)
  }
  return found
}

/** Two absences agree as well: too short a run closes no interval, and makes no product. */
const same = (a: Amount | undefined, b: Amount | undefined): boolean => (a && b ? compare(a, b) === 0 : a === b)

async function ledgerOf(
  options: { readonly cloud: string; readonly token: string; readonly gateway: string },
  device: DeviceSide,
): Promise<Reconciliation['ledger']> {
  const query = `period=interval&from=${Date.now() - 60 * DAY_MS}&to=${Date.now() + DAY_MS}`
  const answer = unitEnergyAnswerSchema.parse(await get(options, `gateways/${options.gateway}/unit-energy?${query}`))
  const inCloud = answer.unit_energy
  const newest = new Map<number, UnitEnergyRecord>()
  for (const figure of device.unitEnergy) {
    if (figure.period === 'interval' && figure.revision >= (newest.get(figure.start)?.revision ?? 0))
      newest.set(figure.start, figure)
  }
  const shared = inCloud.flatMap((row) => newest.get(row.start) ?? [])
  const total = (figures: readonly Pick<UnitEnergyRecord, 'energy' | 'output'>[]): Amount | undefined => {
    const known = figures.filter(({ energy, output }) => energy && output)
    const energy = known.reduce((sum, one) => (one.energy ? add(sum, one.energy) : sum), amount(0, 0))
    const output = known.reduce((sum, one) => (one.output ? add(sum, one.output) : sum), amount(0, 0))
    return ratio(energy, output, -6)
  }
  const [ours, theirs] = [total(shared), total(inCloud)]
  return {
    figures: inCloud.length,
    device: ours,
    cloud: theirs,
    agrees: shared.length === inCloud.length && same(ours, theirs),
  }
}

function countRecords(cloud: ReconcileAnswer, device: DeviceSide): Reconciliation['records'] {
  let [stored, acknowledged, waiting, lost, doubled, replays] = [0, 0, 0, 0, 0, 0]
  for (const [stream, lastSeq] of device.lastSeq) {
    const held = cloud.streams.find((one) => one.stream === stream)
    const waits = device.waiting.get(stream) ?? 0
    const there = held?.records ?? 0
    const span = held && held.records > 0 ? held.last_record - held.first_record + 1 : 0
    stored += lastSeq
    waiting += waits
    acknowledged += lastSeq - waits
    // The cloud may hold more than was acknowledged: an answer lost on the way. Less would be a loss.
    lost += Math.max(0, lastSeq - waits - there)
    doubled += Math.max(0, there - span)
    replays += held?.duplicates_refused ?? 0
  }
  return { stored, acknowledged, waiting, lost, doubled, replays }
}

async function readDevice(files: DemoFiles): Promise<DeviceSide> {
  const clock = new SystemClock()
  const store = new SqliteRecordStore({
    folder: files.agentData,
    clock,
    random: new SystemRandom(),
    disk: { freeBytes: () => 2 ** 40 },
    sealer: () => undefined,
  })
  const started = store.start()
  if (!started.ok) throw new Error(`the agent's store cannot be opened: ${started.fault.why}`)
  try {
    const readings = new Map<number, ReadingRecord>()
    const firsts = new Map<string, { value: Amount; at: number }>()
    for (const { seq, record } of store.records({ stream: 'detail' })) {
      if (record.kind !== 'reading') continue
      readings.set(seq, record)
      for (const quantity of [IMPORT, PULSES] as const) {
        const key = `${record.meter} ${quantity}`
        const first = firsts.has(key) ? undefined : valueIn(record, quantity)
        if (first) firsts.set(key, first)
      }
    }
    const unitEnergy = [...store.records({ stream: 'ledger', kinds: ['unit_energy'] })].flatMap(({ record }) =>
      record.kind === 'unit_energy' ? [record] : [],
    )
    const { streams } = store.health()
    return {
      readings,
      firsts,
      unitEnergy,
      lastSeq: new Map(streams.map(({ stream, lastSeq }) => [stream, lastSeq])),
      waiting: new Map(streams.map(({ stream, unacknowledged }) => [stream, unacknowledged])),
    }
  } finally {
    await store.close()
  }
}

function valueIn(
  reading: ReadingRecord,
  quantity: QuantityName,
): { readonly value: Amount; readonly at: number } | undefined {
  const found = reading.values.find((one) => one.quantity === quantity)
  if (!found || !('value' in found)) return undefined
  return { value: found.value, at: reading.stamp.wall + (reading.blocks[found.block] ?? 0) }
}

async function get(
  { cloud, token }: { readonly cloud: string; readonly token: string },
  path: string,
): Promise<unknown> {
  const response = await fetch(`${cloud}/v1/${path}`, { headers: { authorization: `Bearer ${token}` } })
  if (!response.ok) throw new Error(`${path}: HTTP ${response.status} ${await response.text()}`)
  return response.json()
}

export const textOf = (value: Amount | undefined): string => (value ? formatAmount(value) : '–')
