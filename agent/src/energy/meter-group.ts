import {
  type Amount,
  add,
  amountSchema,
  compare,
  meterIdSchema,
  multiply,
  type QuantityName,
  ratio,
  rescale,
  subtract,
} from '@metergate/protocol'
import { z } from 'zod'
import type { IntervalDraft } from './interval.js'
import type { Slot } from './plant-time.js'
import { newestIntervals, type SlotEnergy, slotEnergy, ZERO } from './spans.js'
import { veeCheck } from './vee-table.js'

/**
 * A virtual meter: plus the meters of `add`, minus those of `subtract`, of that the `share` (a tenant's part by floor
 * area where several share one meter, 一厂多租).
 */
export const meterGroupSchema = z.strictObject({
  id: meterIdSchema,
  add: z.array(meterIdSchema).min(1),
  subtract: z.array(meterIdSchema).default([]),
  share: amountSchema.optional(),
})
export type MeterGroup = z.infer<typeof meterGroupSchema>

/** The group's energy on the grid; unknown as soon as one of its meters is. A share is rounded to Wh. */
export function groupEnergy(
  group: MeterGroup,
  slots: readonly Slot[],
  intervals: Iterable<IntervalDraft>,
  quantity: QuantityName = 'energy_active_import_total',
): SlotEnergy[] {
  const byMeter = newestIntervals(intervals)
  return slots.map(({ start }) => {
    const of = (meter: MeterGroup['id']) => slotEnergy(byMeter.get(meter)?.get(start), quantity)
    const plus = group.add.map(of)
    const minus = group.subtract.map(of)
    const energy = totalOf(plus, minus)
    return {
      energy: energy && group.share ? shareOf(energy, group.share) : energy,
      estimated: [...plus, ...minus].some(({ estimated }) => estimated),
    }
  })
}

function totalOf(plus: readonly SlotEnergy[], minus: readonly SlotEnergy[]): Amount | null {
  let total = ZERO
  for (const { energy } of plus) {
    if (!energy) return null
    total = add(total, energy)
  }
  for (const { energy } of minus) {
    if (!energy) return null
    total = subtract(total, energy)
  }
  return total
}

function shareOf(energy: Amount, share: Amount): Amount {
  const product = multiply(energy, share)
  return rescale(product, Math.min(-3, energy.exp)) ?? product
}

/** What the main meter saw and the sub meters did not, over slots where all are known. */
export interface BalanceGap {
  readonly main: Amount
  readonly subs: Amount
  readonly gap: Amount
  /** gap ÷ main at six decimals; null when the main meter saw nothing. */
  readonly share: Amount | null
  /** Slots in which main and subs were all known, of all. */
  readonly matched: number
  readonly expected: number
  /** The `energy_balance` check: the gap's share is beyond the limit, either way. */
  readonly isBeyond: boolean
}

/** Sets a main meter against its sub meters, time-aligned: only slots where every meter is known count. `limit`: a share of main. */
export function balanceGap(
  main: readonly SlotEnergy[],
  subs: readonly (readonly SlotEnergy[])[],
  limit = veeCheck('energy_balance').limit,
): BalanceGap {
  let mainTotal = ZERO
  let subTotal = ZERO
  let matched = 0
  main.forEach(({ energy }, index) => {
    const below = totalOf(
      subs.map((sub) => sub[index] ?? { energy: null, estimated: false }),
      [],
    )
    if (!energy || !below) return
    mainTotal = add(mainTotal, energy)
    subTotal = add(subTotal, below)
    matched += 1
  })
  const gap = subtract(mainTotal, subTotal)
  const share = ratio(gap, mainTotal, -6) ?? null
  const isBeyond = share !== null && limit !== null && compare({ n: Math.abs(share.n), exp: share.exp }, limit) > 0
  return { main: mainTotal, subs: subTotal, gap, share, matched, expected: main.length, isBeyond }
}
