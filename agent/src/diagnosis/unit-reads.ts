import {
  decodeDlt645Item,
  type MeterProfile,
  type QuantityName,
  SUNSPEC_MARKER_REGISTERS,
  toNumber,
} from '@metergate/protocol'
import type { LineSettings } from '../bus/line-port.js'
import type { BusRead, RegisterBus } from '../bus/register-bus.js'
import { AnswerBook, probeOutcome } from '../meter/answer-book.js'
import type { Values } from '../meter/physics.js'
import { probeOf, valuesOf } from '../meter/profile-score.js'
import { planReads } from '../meter/read-plan.js'
import type { UnitAddress } from '../meter/scan-report.js'
import { twice } from '../meter/set-ratio.js'
import { findSunSpecModel } from '../meter/sunspec-walk.js'

/** A unit the doctor looks at: as configured, or as somebody says it is. */
export interface DoctorUnit {
  readonly name: string
  readonly at: UnitAddress
  /** Where they differ from the line's. */
  readonly settings?: LineSettings
  readonly profile?: MeterProfile
  readonly configuredCt?: number
  readonly configuredPt?: number
  readonly mostW?: number
}

/** A short and a long read this unit should answer: noise spares the short one, two units on one address spare neither. */
export function trialReads({ at, profile }: DoctorUnit): { readonly short: BusRead; readonly long: BusRead } {
  if (at.protocol === 'dlt645') {
    const address = at.address ?? 'aaaaaaaaaaaa'
    const edition = profile?.protocol === 'dlt645' ? profile.edition : '2007'
    const [short, long] = edition === '1997' ? ['0000b611', '00009010'] : ['02010100', '0201ff00']
    return {
      short: { protocol: 'dlt645', address, di: short, edition },
      long: { protocol: 'dlt645', address, di: long, edition },
    }
  }
  const { unit } = at
  const plain = { protocol: 'modbus', unit, function: 3, address: 0 } as const
  if (profile?.protocol !== 'modbus') return { short: { ...plain, count: 1 }, long: { ...plain, count: 10 } }
  if (profile.sunspec) {
    // Where the values lie is not known yet; that the map begins like this is.
    const map = { ...plain, function: profile.read_function, address: profile.sunspec.bases[0] ?? 0 }
    return { short: { ...map, count: SUNSPEC_MARKER_REGISTERS }, long: { ...map, count: 10 } }
  }
  const single = profile.items.find(({ quantity }) => quantity === 'voltage_l1_n') ?? profile.items[0]
  const [block] = modbusReads(profile)
  return {
    short: single ? { protocol: 'modbus', unit, ...probeOf(single, profile) } : { ...plain, count: 2 },
    long: block ? { protocol: 'modbus', unit, ...block } : { ...plain, count: 10 },
  }
}

/** The unit with the values of a SunSpec model where its map says they are; as it was where there is no such map, or no answer. */
export async function placedUnit(bus: RegisterBus, unit: DoctorUnit, signal?: AbortSignal): Promise<DoctorUnit> {
  const { at, profile } = unit
  if (profile?.protocol !== 'modbus' || at.protocol !== 'modbus' || !profile.sunspec) return unit
  const found = await findSunSpecModel(
    profile,
    (address, count) =>
      twice(bus, { protocol: 'modbus', unit: at.unit, function: profile.read_function, address, count }, signal),
    true,
  )
  return found.ok ? { ...unit, profile: found.value } : unit
}

/** Momentary values of a unit, before any ratio; empty when nothing is known of its registers. */
export async function valuesNow(bus: RegisterBus, unit: DoctorUnit, signal?: AbortSignal): Promise<Values> {
  const { at, profile } = unit
  if (profile?.protocol === 'dlt645' && at.protocol === 'dlt645') return dlt645Values(bus, unit, signal)
  if (profile?.protocol !== 'modbus' || at.protocol !== 'modbus' || profile.sunspec) return new Map()
  const book = new AnswerBook()
  for (const probe of modbusReads(profile)) {
    const outcome = probeOutcome(await twice(bus, { protocol: 'modbus', unit: at.unit, ...probe }, signal))
    if (outcome) book.add(probe, outcome)
  }
  return valuesOf(profile, book)
}

function modbusReads(profile: Extract<MeterProfile, { protocol: 'modbus' }>) {
  const items = profile.items.filter(({ quantity }) => isMomentary(quantity))
  const settings = { baud: 9600, format: '8N1', turnaroundMs: 40 } as const
  return planReads({ profile, items, settings }).reads.flatMap((read) =>
    read.protocol === 'modbus' ? [{ function: read.function, address: read.address, count: read.count }] : [],
  )
}

const isMomentary = (quantity: QuantityName): boolean => /^(voltage|current|power|frequency)/.test(quantity)

async function dlt645Values(bus: RegisterBus, { at, profile }: DoctorUnit, signal?: AbortSignal): Promise<Values> {
  const values = new Map<QuantityName, number>()
  if (profile?.protocol !== 'dlt645' || at.protocol !== 'dlt645' || at.address === undefined) return values
  const items = profile.items.filter(({ quantity }) => isMomentary(quantity))
  for (const di of new Set(items.map((item) => item.di))) {
    const answer = await twice(bus, { protocol: 'dlt645', address: at.address, di, edition: profile.edition }, signal)
    if (!answer.ok) continue
    for (const item of items.filter((each) => each.di === di)) {
      const decoded = decodeDlt645Item(item, answer.value.data)
      if (decoded.ok) values.set(item.quantity, toNumber(decoded.value))
    }
  }
  return values
}
