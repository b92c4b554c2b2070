import { registersOf } from '@metergate/protocol'
import type { ModbusRead } from '../bus/register-bus.js'
import { crosses } from './legal-read.js'
import { isMerged, itemKey, type PlannedModbusRead, type PlannedRead } from './planned-read.js'

/** How a meter shows that it does not have something: by an exception, or by saying nothing. */
export type Refusal = 'exception' | 'timeout'

/** What one meter has taught about its map. A plain value: store it, hand it to the next plan of the same meter. */
export interface Learnt {
  /** No read may cover both the address and the one before it. */
  readonly barriers: readonly {
    readonly function: ModbusRead['function']
    readonly at: number
    readonly how: Refusal
  }[]
  /** Items the meter refuses even alone, by their `3:16:u16`-like {@link itemKey}. */
  readonly refused: readonly { readonly key: string; readonly how: Refusal }[]
}

export const NOTHING_LEARNT: Learnt = { barriers: [], refused: [] }

/**
 * What is known after a read was refused. A merged read is parted at its widest gap, or in its middle when it has none; an item
 * refused alone is left out from now on.
 */
export function afterRefusal(learnt: Learnt, read: PlannedRead, how: Refusal): Learnt {
  if (isMerged(read)) {
    const [fn, parting] = [read.function, partingAddress(read)]
    // Once only: of two alike, neither could be put to the test while the other stands.
    const barriers = learnt.barriers.filter(({ function: known, at }) => known !== fn || at !== parting)
    return { ...learnt, barriers: [...barriers, { function: fn, at: parting, how }] }
  }
  const keys = [...new Set(read.items.map(({ item }) => itemKey(item, read)))]
  const others = learnt.refused.filter(({ key }) => !keys.includes(key))
  return { ...learnt, refused: [...others, ...keys.map((key) => ({ key, how }))] }
}

/** Whether a read does what one of these lessons says the meter does not answer. */
export function defies(read: PlannedRead, { barriers, refused }: Learnt): boolean {
  if (read.items.some(({ item }) => refused.some(({ key }) => key === itemKey(item, read)))) return true
  return read.protocol === 'modbus' && crosses(read, barriers)
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
