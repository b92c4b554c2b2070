import {
  type Dlt645Item,
  type Dlt645Profile,
  type MeterProfile,
  type ModbusItem,
  type ModbusProfile,
  registersOf,
} from '@metergate/protocol'
import type { LineSettings } from '../bus/line-port.js'
import type { Dlt645Read, ModbusRead } from '../bus/register-bus.js'
import { cheapestPartition } from './cheapest-partition.js'
import { blockOf, type Extent, extentOf, isLegal } from './legal-read.js'
import { modbusReadMs, readMs } from './read-cost.js'

/** What a plan is priced with: the wire, and how long this meter takes to start answering (measured, or the profile's typical). */
export interface PlanSettings extends LineSettings {
  readonly turnaroundMs: number
}

/** Where an item's value begins in the data of its read, in bytes (in bits for functions 1 and 2). */
export interface PlacedModbusItem {
  readonly item: ModbusItem
  readonly offset: number
}

export interface PlannedModbusRead {
  readonly protocol: 'modbus'
  readonly function: ModbusRead['function']
  readonly address: number
  readonly count: number
  readonly items: readonly PlacedModbusItem[]
}

export interface PlannedDlt645Read {
  readonly protocol: 'dlt645'
  readonly di: string
  readonly edition: '2007' | '1997'
  readonly items: readonly { readonly item: Dlt645Item; readonly offset: number }[]
}

/** One request of a plan: what to ask any unit of this model, and which items its data holds. */
export type PlannedRead = PlannedModbusRead | PlannedDlt645Read

/** What exceptions have taught about one meter. A plain value: store it, hand it to the next plan of the same meter. */
export interface Learnt {
  /** No read may cover both the address and the one before it. */
  readonly barriers: readonly { readonly function: ModbusRead['function']; readonly at: number }[]
  /** Items the meter refuses even alone: `3:0x0010`-like keys of {@link itemKey}. */
  readonly refused: readonly string[]
}

export const NOTHING_LEARNT: Learnt = { barriers: [], refused: [] }

export interface PlanRequest {
  readonly profile: MeterProfile
  /** Items of this profile, e.g. those of one group or of all groups that are due together. */
  readonly items: readonly (ModbusItem | Dlt645Item)[]
  readonly settings: PlanSettings
  readonly learnt?: Learnt
}

export interface ReadPlan {
  readonly request: PlanRequest
  readonly reads: readonly PlannedRead[]
  /** Items no legal read covers, because the meter refused them or the profile forbids it; absent as `exception`. */
  readonly left: readonly (ModbusItem | Dlt645Item)[]
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

/**
 * The plan after a read drew an exception. A merged read is parted at its widest gap, or in its middle when it has none; an item
 * refused alone is left out. `plan.request.learnt` of the result remembers it.
 */
export function splitAfterException(plan: ReadPlan, read: PlannedRead): ReadPlan {
  const learnt = plan.request.learnt ?? NOTHING_LEARNT
  const only = read.items.length === 1 || read.protocol === 'dlt645'
  const next: Learnt = only
    ? { ...learnt, refused: [...learnt.refused, ...read.items.map(({ item }) => itemKey(item, read))] }
    : { ...learnt, barriers: [...learnt.barriers, { function: read.function, at: partingAddress(read) }] }
  return planReads({ ...plan.request, learnt: next })
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

/** A planned read addressed to a unit. */
export function modbusRequest(read: PlannedModbusRead, unit: number): ModbusRead {
  return { protocol: 'modbus', unit, function: read.function, address: read.address, count: read.count }
}

/** A planned read addressed to a meter of 12 digits. */
export function dlt645Request(read: PlannedDlt645Read, address: string): Dlt645Read {
  return { protocol: 'dlt645', address, di: read.di, edition: read.edition }
}

/** Names an item's place in the meter. */
export function itemKey(
  item: ModbusItem | Dlt645Item,
  read: Pick<PlannedModbusRead, 'protocol' | 'function'> | { readonly protocol: 'dlt645' },
): string {
  if ('di' in item) return `di:${item.di}`
  return `${read.protocol === 'modbus' ? read.function : 0}:${item.address}:${item.type}`
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
  return { request, reads, left: extents.filter((extent) => !wanted.includes(extent)).map(({ item }) => item) }
}

const byPlace = (a: Extent, b: Extent): number => a.from - b.from || a.to - b.to

function isAllowed(extent: Extent, profile: ModbusProfile, learnt: Learnt): boolean {
  const key = itemKey(extent.item, { protocol: 'modbus', function: extent.function })
  return !learnt.refused.includes(key) && isLegal([extent], profile, [])
}

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
  const refused = request.learnt?.refused ?? []
  const items = request.items.flatMap((item) => ('di' in item ? [item] : []))
  const left = items.filter((item) => refused.includes(itemKey(item, { protocol: 'dlt645' })))
  const byIdentifier = new Map<string, Dlt645Item[]>()
  for (const item of items)
    if (!left.includes(item)) byIdentifier.set(item.di, [...(byIdentifier.get(item.di) ?? []), item])
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

/** Where to part a refused read: before the item after the widest gap, or before the middle item. */
function partingAddress(read: PlannedModbusRead): number {
  const places = read.items.map(({ item }) => item).sort((a, b) => a.address - b.address)
  let best = { gap: 0, at: places[Math.ceil(places.length / 2)]?.address ?? read.address }
  for (let i = 1; i < places.length; i++) {
    const [before, after] = [places[i - 1], places[i]]
    if (!before || !after) continue
    const gap = after.address - before.address - registersOf(before.type)
    if (gap > best.gap) best = { gap, at: after.address }
  }
  return best.at
}
