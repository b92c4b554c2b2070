import type { Dlt645Item, Dlt645Profile, MeterProfile, ModbusItem, ModbusProfile } from '@metergate/protocol'
import type { LineSettings } from '../bus/line-port.js'
import { cheapestPartition } from './cheapest-partition.js'
import { type Learnt, NOTHING_LEARNT, type Refusal } from './learnt.js'
import { blockOf, type Extent, extentOf, isLegal } from './legal-read.js'
import { itemKey, type PlannedDlt645Read, type PlannedModbusRead, type PlannedRead } from './planned-read.js'
import { modbusReadMs, readMs } from './read-cost.js'

/** What a plan is priced with: the wire, and how long this meter takes to start answering (measured, or the profile's typical). */
export interface PlanSettings extends LineSettings {
  readonly turnaroundMs: number
}

export interface PlanRequest {
  readonly profile: MeterProfile
  /** Items of this profile, e.g. those of one group or of all groups that are due together. */
  readonly items: readonly (ModbusItem | Dlt645Item)[]
  readonly settings: PlanSettings
  readonly learnt?: Learnt
}

export interface LeftItem {
  readonly item: ModbusItem | Dlt645Item
  readonly absent: Refusal
}

export interface ReadPlan {
  readonly request: PlanRequest
  readonly reads: readonly PlannedRead[]
  /** Items no legal read covers, because the profile forbids it or the meter refuses them: absent with that reason. */
  readonly left: readonly LeftItem[]
}

/**
 * The cheapest legal reads for the wanted items. A gap is read through only where its registers cost less wire than
 * another request (8 + 5 characters, t3.5, turnaround, the profile's pause). Keeps the profile's limits: most registers, forbidden
 * ranges, alignment, `read_through`, `alone`; a value is never split over two reads, and a scale factor rides with its value.
 * Pure; optimal over all partitions of items sorted by address.
 */
export function planReads(request: PlanRequest): ReadPlan {
  const { profile } = request
  return profile.protocol === 'modbus' ? planModbus(request, profile) : planDlt645(request, profile)
}

/** Milliseconds of line one pass of the plan takes, and what it is made of. */
export interface PlanCost {
  readonly ms: number
  readonly requests: number
  readonly registers: number
  readonly perRead: readonly number[]
}

/** Prices a plan, by default with the settings it was made for. */
export function planCost(plan: ReadPlan, settings: PlanSettings = plan.request.settings): PlanCost {
  const perRead = plan.reads.map((read) => readMs(read, plan.request.profile, settings))
  return {
    ms: perRead.reduce((sum, ms) => sum + ms, 0),
    requests: plan.reads.length,
    registers: plan.reads.reduce((sum, read) => sum + (read.protocol === 'modbus' ? read.count : 0), 0),
    perRead,
  }
}

function planModbus(request: PlanRequest, profile: ModbusProfile): ReadPlan {
  const learnt = request.learnt ?? NOTHING_LEARNT
  const extents = request.items.flatMap((item) => ('di' in item ? [] : [extentOf(item, profile)]))
  const wanted = extents.filter((extent) => isAllowed(extent, profile, learnt))
  const alone = wanted.filter(({ item }) => item.alone).map((extent) => [extent])
  const functions = [...new Set(wanted.map((extent) => extent.function))].sort((a, b) => a - b)
  const merged = functions.flatMap((fn) => {
    const sorted = wanted.filter((extent) => extent.function === fn && !extent.item.alone).sort(byPlace)
    return cheapestPartition(
      sorted,
      (group) => isLegal(group, profile, learnt.barriers),
      (group) => modbusReadMs(blockOf(group, profile).count, fn, profile, request.settings),
    )
  })
  const reads = [...merged, ...alone].map((group) => plannedRead(group, profile))
  const left = extents.filter((extent) => !wanted.includes(extent))
  return {
    request,
    reads,
    left: left.map((extent) => ({ item: extent.item, absent: refusalOf(keyOf(extent), learnt) ?? 'exception' })),
  }
}

const byPlace = (a: Extent, b: Extent): number => a.from - b.from || a.to - b.to

const keyOf = ({ item, function: fn }: Extent): string => itemKey(item, { protocol: 'modbus', function: fn })

const refusalOf = (key: string, { refused }: Learnt): Refusal | undefined =>
  refused.find((each) => each.key === key)?.how

const isAllowed = (extent: Extent, profile: ModbusProfile, learnt: Learnt): boolean =>
  refusalOf(keyOf(extent), learnt) === undefined && isLegal([extent], profile, [])

function plannedRead(group: readonly Extent[], profile: ModbusProfile): PlannedModbusRead {
  const { function: fn, address, count } = blockOf(group, profile)
  const width = fn <= 2 ? 1 : 2
  return {
    protocol: 'modbus',
    function: fn,
    address,
    count,
    items: group.map(({ item }) => ({ item, offset: (item.address - address) * width })),
  }
}

/** One read per identifier: the identifiers of the profile are already the blocks the meter offers. */
function planDlt645(request: PlanRequest, profile: Dlt645Profile): ReadPlan {
  const learnt = request.learnt ?? NOTHING_LEARNT
  const left: LeftItem[] = []
  const byIdentifier = new Map<string, Dlt645Item[]>()
  for (const item of request.items) {
    if (!('di' in item)) continue
    const absent = refusalOf(itemKey(item, { protocol: 'dlt645' }), learnt)
    if (absent) left.push({ item, absent })
    else byIdentifier.set(item.di, [...(byIdentifier.get(item.di) ?? []), item])
  }
  const reads = [...byIdentifier].map(
    ([di, group]): PlannedDlt645Read => ({
      protocol: 'dlt645',
      di,
      edition: profile.edition,
      items: group.map((item) => ({ item, offset: item.offset })),
    }),
  )
  return { request, reads, left }
}
