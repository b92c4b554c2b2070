import type { EnergyStep, GroupConfig } from '@metergate/protocol/http'
import { toNumber } from './figures'

/** A group's energy today, in the full hours in which all its meters are known. */
export interface GroupToday {
  readonly id: string
  readonly label: string
  readonly kind: GroupConfig['kind']
  /** kWh: of the main meter, or of the sum; undefined when no hour is known of all. */
  readonly energy: number | undefined
  /** Of the meters below a main meter, kWh. */
  readonly subs: number | undefined
  /** What the main meter saw and none below it did, kWh, and as a share of the main meter's. */
  readonly gap: number | undefined
  readonly gapShare: number | undefined
  /** Hours known of all ÷ hours closed. */
  readonly hours: { readonly known: number; readonly all: number }
}

/** Adds up as the box does: matched hours only, so that a silent meter never looks like a gap. `until`: hours that end later are open. */
export function groupToday(
  group: GroupConfig,
  stepsOf: ReadonlyMap<string, readonly EnergyStep[]>,
  until: number,
): GroupToday {
  const ids = group.kind === 'sum' ? [...group.meters, ...group.subtract] : [group.main, ...group.meters]
  // An hour known in part is not known: another meter may know the other part.
  const lines = ids.map(
    (id) =>
      new Map(
        (stepsOf.get(id) ?? []).flatMap(({ start, energy, coverage }) =>
          energy && coverage === 1000 ? [[start, toNumber(energy)] as const] : [],
        ),
      ),
  )
  const steps = ids.flatMap((id) => stepsOf.get(id) ?? []).filter(({ end }) => end <= until)
  const starts = [...new Set(steps.map(({ start }) => start))]
  const known = starts.filter((start) => lines.every((line) => line.get(start) !== undefined))
  const total = (from: number, to?: number): number =>
    lines.slice(from, to).reduce((sum, line) => sum + known.reduce((all, start) => all + (line.get(start) ?? 0), 0), 0)
  const { id, label, kind } = group
  const hours = { known: known.length, all: starts.length }
  const none = { energy: undefined, subs: undefined, gap: undefined, gapShare: undefined }
  if (known.length === 0) return { id, label, kind, hours, ...none }
  if (group.kind === 'sum') {
    const plus = group.meters.length
    const share = group.share ? toNumber(group.share) : 1
    return { id, label, kind, hours, ...none, energy: (total(0, plus) - total(plus)) * share }
  }
  const [energy, subs] = [total(0, 1), total(1)]
  const gap = energy - subs
  return { id, label, kind, hours, energy, subs, gap, gapShare: energy > 0 ? gap / energy : undefined }
}
