import { type ModbusItem, type ModbusProfile, registersOf } from '@metergate/protocol'
import type { AnswerBook, Probe } from './answer-book.js'
import { probeOf } from './profile-score.js'

/** Quantities that are hardly ever zero on a line in use, best first. */
const LIVELY: readonly RegExp[] = [
  /^voltage_/,
  /^frequency/,
  /^energy_(active|apparent)_(import_|net_)?total$/,
  /^energy_active_total$/,
  /^thd_/,
  /^current_/,
  /^power_(active|apparent)/,
  /^power_factor/,
  /^power/,
]

/**
 * Reads of single registers that `model` has and `rival` does not, not asked yet, the most telling first: those that
 * hardly ever hold zero, spread over the map. Without a rival: any register of the model.
 */
export function tellingReads(model: ModbusProfile, rival: ModbusProfile | undefined, book: AnswerBook): Probe[] {
  if (model.sunspec) return []
  return model.items
    .filter((item) => item.unverified === undefined && !isKnownTo(rival, item, model))
    .map((item) => ({ item, probe: probeOf(item, model) }))
    .filter(({ probe }) => book.exact(probe) === undefined && !book.isRefused(probe) && !isKnownZero(probe, book))
    .sort((a, b) => rank(a.item) - rank(b.item))
    .map(({ probe }) => probe)
}

const rank = ({ quantity }: ModbusItem): number => {
  const place = LIVELY.findIndex((pattern) => pattern.test(quantity))
  return place < 0 ? LIVELY.length : place
}

/** A block showed nothing there: what a hole looks like, and what tells nothing. */
function isKnownZero(probe: Probe, book: AnswerBook): boolean {
  return book.bytes(probe)?.every((byte) => byte === 0) ?? false
}

/** Whether any register of this item lies in the rival's map. */
function isKnownTo(rival: ModbusProfile | undefined, item: ModbusItem, model: ModbusProfile): boolean {
  if (!rival) return false
  const wanted = probeOf(item, model)
  const overlaps = (other: Probe): boolean =>
    other.function === wanted.function &&
    other.address < wanted.address + wanted.count &&
    wanted.address < other.address + other.count
  const ratios = [rival.ratio_registers?.ct, rival.ratio_registers?.pt].flatMap((ratio) =>
    ratio
      ? [{ function: ratio.function ?? rival.read_function, address: ratio.address, count: registersOf(ratio.type) }]
      : [],
  )
  return [...rival.items.map((each) => probeOf(each, rival)), ...rival.signature, ...ratios].some(overlaps)
}
