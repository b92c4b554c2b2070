import { type ModbusItem, type ModbusProfile, registersOf } from '@metergate/protocol'
import type { ModbusRead } from '../bus/register-bus.js'

/** The registers an item needs in one request: `from` up to, not including, `to`. */
export interface Extent {
  readonly item: ModbusItem
  readonly function: ModbusRead['function']
  readonly from: number
  readonly to: number
}

export interface Block {
  readonly function: ModbusRead['function']
  readonly address: number
  readonly count: number
}

type Barrier = { readonly function: ModbusRead['function']; readonly at: number }

/** Whether a request would read across a border the meter was seen to have. */
export function crosses(block: Block, barriers: readonly Barrier[]): boolean {
  const end = block.address + block.count
  return barriers.some(({ function: fn, at }) => fn === block.function && block.address < at && at < end)
}

/** An item with the scale factor that must be read with it (SunSpec). */
export function extentOf(item: ModbusItem, profile: ModbusProfile): Extent {
  const scale = item.scale_factor_address ?? item.address
  return {
    item,
    function: item.function ?? profile.read_function,
    from: Math.min(item.address, scale),
    to: Math.max(item.address + registersOf(item.type), scale + 1),
  }
}

/** The request that covers a group of one function, widened to even borders where the meter wants them. */
export function blockOf(group: readonly Extent[], profile: ModbusProfile): Block {
  const fn = group[0]?.function ?? profile.read_function
  let from = Math.min(...group.map((extent) => extent.from))
  let to = Math.max(...group.map((extent) => extent.to))
  if (profile.alignment === 'even') {
    from -= from % 2
    to += to % 2
  }
  return { function: fn, address: from, count: to - from }
}

/** Whether the meter may be asked for this group in one request. */
export function isLegal(group: readonly Extent[], profile: ModbusProfile, barriers: readonly Barrier[]): boolean {
  const block = blockOf(group, profile)
  const end = block.address + block.count
  const most = Math.min(profile.max_registers, block.function <= 2 ? 2000 : 125)
  if (block.count > most || end > 0x10000) return false
  if (profile.forbidden.some(({ from, to }) => from < end && to >= block.address)) return false
  // A value whose scale factor lies beyond the barrier is still read, with it or not at all.
  if (group.length > 1 && crosses(block, barriers)) return false
  return mayReadThrough(group, block, profile)
}

function mayReadThrough(group: readonly Extent[], block: Block, profile: ModbusProfile): boolean {
  if (profile.read_through === 'yes' || group.length === 1) return true
  const known = profile.read_through === 'no' ? group : documented(profile, block.function)
  // The padding of an even border is no hole: the meter itself insists on it.
  const [first, last] = [Math.min(...group.map(({ from }) => from)), Math.max(...group.map(({ to }) => to))]
  for (let address = first; address < last; address++)
    if (!known.some(({ from, to }) => from <= address && address < to)) return false
  return true
}

function documented(profile: ModbusProfile, fn: ModbusRead['function']): readonly { from: number; to: number }[] {
  const ratios = [profile.ratio_registers?.ct, profile.ratio_registers?.pt].flatMap((item) =>
    item && (item.function ?? profile.read_function) === fn
      ? [{ from: item.address, to: item.address + registersOf(item.type) }]
      : [],
  )
  return [...profile.items.map((item) => extentOf(item, profile)).filter((extent) => extent.function === fn), ...ratios]
}
