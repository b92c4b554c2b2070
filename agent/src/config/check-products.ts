import { type QuantityName, quantity } from '@metergate/protocol'
import { findProfile } from '@metergate/protocol/profiles'
import { CONFIG_HINTS, CONFIG_PROBLEMS, CONFIG_REMEDIES } from '../i18n/config-texts.js'
import type { Localized } from '../i18n/localized.js'
import { didYouMean, duplicates } from './check-meters.js'
import { type Draft, type Entry, issueAt } from './draft.js'
import type { ConfigIssue, ConfigPath } from './issue.js'
import type { ProductEntry, ShiftConfig } from './schema.js'

/** Products: known meters, a counter the meter has, one way of saying pieces per pulse. */
export function checkProducts(draft: Draft): ConfigIssue[] {
  return [
    ...draft.products.flatMap((entry, index) => checkShared(draft, entry, draft.products.slice(0, index))),
    ...duplicates(draft, draft.products, (product) => product.id),
    ...draft.products.flatMap(({ path, value: product }) => [
      ...checkCounter(draft, [...path, 'counter'], product.counter?.meter, product.counter),
      ...checkCounter(draft, [...path, 'reject_counter'], product.counter?.meter, product.reject_counter),
      ...checkEnergy(draft, [...path, 'energy'], product),
      ...checkCountedTwice(draft, [...path, 'energy'], product),
    ]),
  ]
}

function checkCounter(
  draft: Draft,
  path: ConfigPath,
  meterId: string | undefined,
  counter: ProductEntry['reject_counter'],
): ConfigIssue[] {
  if (!counter) return []
  const issues: ConfigIssue[] = []
  if (counter.cavities !== undefined && counter.pieces_per_pulse !== undefined)
    issues.push(issueAt(draft, [...path, 'cavities'], CONFIG_PROBLEMS.piecesAndCavities, CONFIG_REMEDIES.keepOne))
  if (meterId === undefined)
    return [...issues, issueAt(draft, [...path.slice(0, -1), 'counter'], CONFIG_PROBLEMS.missing, CONFIG_HINTS.meter)]
  if (!draft.meterIds.includes(meterId)) {
    // Said once, for the counter; the reject counter stands on the same meter.
    if (path.at(-1) === 'reject_counter') return issues
    return [
      ...issues,
      issueAt(draft, [...path, 'meter'], CONFIG_PROBLEMS.unknownMeter, didYouMean(meterId, draft.meterIds)),
    ]
  }
  return [...issues, ...checkQuantity(draft, path, meterId, counter.quantity)]
}

function checkQuantity(draft: Draft, path: ConfigPath, meterId: string, name: QuantityName): ConfigIssue[] {
  const profile = profileOf(draft, meterId)
  if (!profile) return []
  const at = [...path, 'quantity']
  const counters = profile.items.map((item) => item.quantity).filter((each) => quantity(each).nature === 'counter')
  if (!profile.items.some((item) => item.quantity === name))
    return [
      issueAt(draft, at, CONFIG_PROBLEMS.quantityNotInProfile(meterId, profile.id), CONFIG_REMEDIES.oneOf(counters)),
    ]
  if (quantity(name).nature !== 'counter')
    return [issueAt(draft, at, CONFIG_PROBLEMS.notACounter, CONFIG_REMEDIES.oneOf(counters))]
  return []
}

function checkEnergy(draft: Draft, path: ConfigPath, product: ProductEntry): ConfigIssue[] {
  return product.energy.flatMap((meterId, index) => {
    const at = [...path, index]
    if (!draft.meterIds.includes(meterId))
      return [issueAt(draft, at, CONFIG_PROBLEMS.unknownMeter, didYouMean(meterId, draft.meterIds))]
    if (product.energy.indexOf(meterId) < index)
      return [issueAt(draft, at, CONFIG_PROBLEMS.energyTwice, CONFIG_REMEDIES.keepOne)]
    const profile = profileOf(draft, meterId)
    if (!profile || profile.items.some((item) => item.quantity === 'energy_active_import_total')) return []
    return [issueAt(draft, at, CONFIG_PROBLEMS.noEnergyRegister(profile.id), CONFIG_HINTS.meter)]
  })
}

/** What flows through a sub meter has flowed through its main meter: both in one product count it twice. */
function checkCountedTwice(draft: Draft, path: ConfigPath, { energy }: ProductEntry): ConfigIssue[] {
  return draft.groups.flatMap(({ value: group }) => {
    if (group.kind !== 'main_and_sub' || !energy.includes(group.main)) return []
    const subs = group.meters.filter((meter) => energy.includes(meter))
    if (subs.length === 0) return []
    const at = [...path, energy.indexOf(group.main)]
    return [
      issueAt(
        draft,
        at,
        CONFIG_PROBLEMS.mainWithSubs(group.id, subs),
        CONFIG_REMEDIES.mainOrSubs(group.main),
        'warning',
      ),
    ]
  })
}

/** A meter or counter of two products is counted in each: said beforehand, since no figure shows it. */
function checkShared(draft: Draft, { path, value }: Entry<ProductEntry>, earlier: readonly Entry<ProductEntry>[]) {
  const issues: ConfigIssue[] = []
  const warn = (at: ConfigPath, problem: Localized, remedy: Localized) =>
    issues.push(issueAt(draft, [...path, ...at], problem, remedy, 'warning'))
  const { counter, energy } = value
  const counts = earlier.find(({ value: { counter: other } }) => counter && other && isSameCounter(counter, other))
  if (counts)
    warn(['counter', 'quantity'], CONFIG_PROBLEMS.counterOfTwo(counts.value.id), CONFIG_REMEDIES.counterPerProduct)
  energy.forEach((meter, index) => {
    const other = earlier.find((one) => one.value.energy.includes(meter))
    if (other) warn(['energy', index], CONFIG_PROBLEMS.energyOfTwo(other.value.id), CONFIG_REMEDIES.meterPerProduct)
  })
  return issues
}

type Counter = NonNullable<ProductEntry['counter']>
const isSameCounter = (a: Counter, b: Counter): boolean => a.meter === b.meter && a.quantity === b.quantity

function profileOf(draft: Draft, meterId: string) {
  const meter = draft.meters.find(({ value }) => value.id === meterId)
  return meter && findProfile(meter.value.profile, draft.profiles)
}

/** Shifts: one id each, no minute of the day in two of them. */
export function checkShifts(draft: Draft): ConfigIssue[] {
  const overlaps = draft.shifts.flatMap((entry, index) => {
    const other = draft.shifts.slice(0, index).find((earlier) => overlap(earlier.value, entry.value))
    return other ? [overlapIssue(draft, entry, other.value.id)] : []
  })
  return [...duplicates(draft, draft.shifts, (shift) => shift.id), ...overlaps]
}

/** A shift ends with an interval, or its figure is never closed; `interval` in milliseconds. */
export function checkShiftGrid(draft: Draft, interval: number): ConfigIssue[] {
  const minutes = interval / 60_000
  return draft.shifts.flatMap(({ path, value }) =>
    (['from', 'to'] as const)
      .filter((edge) => value[edge] % minutes !== 0)
      .map((edge) => {
        const problem = CONFIG_PROBLEMS.shiftOffGrid(minutes)
        return issueAt(draft, [...path, edge], problem, CONFIG_REMEDIES.shiftOnGrid, 'warning')
      }),
  )
}

const overlapIssue = (draft: Draft, entry: Entry<ShiftConfig>, other: string): ConfigIssue =>
  issueAt(draft, [...entry.path, 'from'], CONFIG_PROBLEMS.shiftsOverlap(other), CONFIG_REMEDIES.moveShift)

function overlap(a: ShiftConfig, b: ShiftConfig): boolean {
  return spans(a).some(([from, to]) => spans(b).some(([start, end]) => from < end && start < to))
}

/** A shift over midnight is two spans of the day. */
function spans({ from, to }: ShiftConfig): [number, number][] {
  if (to > from) return [[from, to]]
  return [
    [from, 1440],
    [0, to],
  ]
}
