import {
  type AbsenceReason,
  type DecodedValue,
  type Dlt645Item,
  decodeDlt645Item,
  decodeModbusItem,
  type MeterProfile,
  type ModbusItem,
  type ModbusProfile,
  type Ratio,
  type ReadingValue,
  registersOf,
} from '@metergate/protocol'
import { implausibility, type PlausibilityLimits } from './plausibility.js'

/** Where the answer of one block lies among the items asked for: its data, or why there is none. */
export type BlockData =
  | { readonly ok: true; readonly data: Uint8Array }
  | { readonly ok: false; readonly absent: AbsenceReason }

/** One block of a poll: from which address it was read and what was to be found in it. */
export type Block =
  | { readonly protocol: 'modbus'; readonly address: number; readonly items: readonly ModbusItem[] }
  | { readonly protocol: 'dlt645'; readonly items: readonly Dlt645Item[] }

export interface DecodeContext {
  readonly profile: MeterProfile
  /** CT and PT where the registers leave them out; undefined for primary values. */
  readonly ratio: Ratio | undefined
  readonly limits: PlausibilityLimits
}

/**
 * Register bytes become reading values: exact amounts in the quantities' units, or absences with a reason. A block
 * without an answer gives each of its items that reason; an implausible value is kept and flagged, never changed.
 */
export function decodeBlock(block: Block, index: number, data: BlockData, context: DecodeContext): ReadingValue[] {
  const decode = (item: ModbusItem | Dlt645Item, decoded: DecodedValue): ReadingValue => {
    const { quantity } = item
    if (!decoded.ok) return { quantity, block: index, absent: decoded.absent }
    const doubt = implausibility(quantity, decoded.value, context.limits)
    return { quantity, block: index, value: decoded.value, ...(doubt ? { suspect: true as const } : {}) }
  }
  if (!data.ok) return block.items.map(({ quantity }) => ({ quantity, block: index, absent: data.absent }))
  if (block.protocol === 'dlt645') {
    return block.items.map((item) => decode(item, decodeDlt645Item(item, data.data, context.ratio)))
  }
  const { profile } = context
  if (profile.protocol !== 'modbus') throw new TypeError('a Modbus block needs a Modbus profile')
  return block.items.map((item) => decode(item, decodeInBlock(item, block.address, data.data, profile, context.ratio)))
}

/** Cuts one item's bytes out of its block. SunSpec scale factors lie in the same block, so that they fit the value. */
function decodeInBlock(
  item: ModbusItem,
  start: number,
  data: Uint8Array,
  profile: ModbusProfile,
  ratio: Ratio | undefined,
): DecodedValue {
  if (item.type === 'bit') {
    const bit = item.address - start
    return decodeModbusItem(item, profile, Uint8Array.of(((data[bit >> 3] ?? 0) >> (bit & 7)) & 1), ratio)
  }
  const offset = (item.address - start) * 2
  const bytes = data.subarray(offset, offset + registersOf(item.type) * 2)
  return decodeModbusItem(item, profile, bytes, ratio, scaleFactor(item, start, data))
}

function scaleFactor(item: ModbusItem, start: number, data: Uint8Array): number | undefined {
  if (item.scale_factor_address === undefined) return undefined
  const offset = (item.scale_factor_address - start) * 2
  if (offset < 0 || offset + 2 > data.length) return undefined
  const factor = new DataView(data.buffer, data.byteOffset + offset, 2).getInt16(0)
  return factor === -0x8000 ? undefined : factor
}
