import { type IntervalRecord, type MeterId, meterIdSchema, ratio } from '@metergate/protocol'
import type { GroupEntry } from '../config/energy-schema.js'
import type { EnergyReport } from '../control/calls.js'
import { balanceGap, groupEnergy } from '../energy/meter-group.js'
import type { Slot } from '../energy/plant-time.js'
import { type SlotEnergy, slotEnergy, sum } from '../energy/spans.js'
import { type VeeLimits, veeCheck } from '../energy/vee-table.js'

const IMPORT = 'energy_active_import_total'
type GroupRow = EnergyReport['groups'][number]
type Intervals = ReadonlyMap<MeterId, ReadonlyMap<number, IntervalRecord>>

/** Energy of a group where all its meters are known, each meter's share of it, and a main meter's balance gap. */
export function groupRow(
  group: GroupEntry,
  slots: readonly Slot[],
  byMeter: Intervals,
  limits: VeeLimits = {},
): GroupRow {
  return group.kind === 'sum' ? sumRow(group, slots, byMeter) : balanceRow(group, slots, byMeter, limits)
}

function sumRow(group: GroupEntry & { kind: 'sum' }, slots: readonly Slot[], byMeter: Intervals): GroupRow {
  const { id, label, meters, subtract, share } = group
  const intervals = [...meters, ...subtract].flatMap((meter) => [...(byMeter.get(meter)?.values() ?? [])])
  const rule = { id: meterIdSchema.parse(id), add: meters, subtract, ...(share ? { share } : {}) }
  const line = groupEnergy(rule, slots, intervals)
  const isKnown = line.map(({ energy }) => energy !== null)
  const known = line.flatMap(({ energy, estimated }) => (energy ? [{ energy, estimated }] : []))
  const energy = known.length > 0 ? sum(known.map((one) => one.energy)) : null
  return {
    group: id,
    label: label ?? id,
    kind: 'sum',
    energy,
    estimated: energy && sum(known.flatMap((one) => (one.estimated ? [one.energy] : []))),
    coverage: slots.length > 0 ? Math.floor((known.length * 1000) / slots.length) : 0,
    members: membersOf(meters, slots, byMeter, isKnown, energy),
    balance: null,
  }
}

function balanceRow(
  group: GroupEntry & { kind: 'main_and_sub' },
  slots: readonly Slot[],
  byMeter: Intervals,
  limits: VeeLimits,
): GroupRow {
  const { id, label, main, meters } = group
  const mainLine = lineOf(main, slots, byMeter)
  const subLines = meters.map((meter) => lineOf(meter, slots, byMeter))
  const found = balanceGap(mainLine, subLines, veeCheck('energy_balance', limits).limit)
  const isKnown = mainLine.map(
    ({ energy }, index) => energy !== null && subLines.every((line) => line[index]?.energy != null),
  )
  const none = found.matched === 0
  const estimates = mainLine.flatMap(({ energy, estimated }, index) =>
    energy && estimated && isKnown[index] ? [energy] : [],
  )
  return {
    group: id,
    label: label ?? id,
    kind: 'main_and_sub',
    energy: none ? null : found.main,
    estimated: none ? null : sum(estimates),
    coverage: found.expected > 0 ? Math.floor((found.matched * 1000) / found.expected) : 0,
    members: membersOf(meters, slots, byMeter, isKnown, none ? null : found.main),
    balance: none ? null : { subs: found.subs, gap: found.gap, share: found.share, is_beyond: found.isBeyond },
  }
}

function membersOf(
  meters: readonly MeterId[],
  slots: readonly Slot[],
  byMeter: Intervals,
  isKnown: readonly boolean[],
  whole: GroupRow['energy'],
): GroupRow['members'] {
  return meters.map((meter) => {
    const energies = lineOf(meter, slots, byMeter).flatMap(({ energy }, index) =>
      energy && isKnown[index] ? [energy] : [],
    )
    const energy = sum(energies)
    return { meter, energy, share: (whole && ratio(energy, whole, -6)) ?? null }
  })
}

function lineOf(meter: MeterId, slots: readonly Slot[], byMeter: Intervals): SlotEnergy[] {
  return slots.map(({ start }) => slotEnergy(byMeter.get(meter)?.get(start), IMPORT))
}
