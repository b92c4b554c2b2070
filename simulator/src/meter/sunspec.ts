import type { ModbusItem, ModbusProfile } from '@metergate/protocol'

/** A register with a fixed content. */
export interface FixedRegister {
  readonly address: number
  readonly value: number
}

const COMMON_MODEL = 1
const COMMON_LENGTH = 66
/** Registers after the header of the meter models: 201-204 integers with scale factors, 211-214 floats. */
const METER_LENGTH: Readonly<Record<number, number>> = {
  201: 105,
  202: 105,
  203: 105,
  204: 105,
  211: 124,
  212: 124,
  213: 124,
  214: 124,
}
/** Three-phase with neutral, in either family. */
const WYE = [203, 213]
const NOT_IMPLEMENTED = 0x8000

/** Where the meter model's identifier stands: items of a SunSpec profile count from there. */
export function sunspecModelAddress(profile: ModbusProfile): number {
  const base = profile.sunspec?.bases[0]
  return base === undefined ? 0 : base + 2 + 2 + COMMON_LENGTH
}

/** The marker, the common model, the meter model's header and the end mark of a SunSpec map. */
export function sunspecFrame(profile: ModbusProfile): FixedRegister[] {
  if (!profile.sunspec) return []
  const base = profile.sunspec.bases[0] ?? 0
  const model = profile.sunspec.models.find((id) => WYE.includes(id)) ?? profile.sunspec.models[0] ?? 0
  const length = METER_LENGTH[model] ?? 0
  const words = [0x5375, 0x6e53, COMMON_MODEL, COMMON_LENGTH, ...commonModel(profile), model, length]
  words.push(...new Array<number>(length).fill(NOT_IMPLEMENTED), 0xffff, 0)
  return words.map((value, index) => ({ address: base + index, value }))
}

/** Manufacturer, model, options, version, serial number, unit address, padding. */
function commonModel(profile: ModbusProfile): number[] {
  const text = (content: string, registers: number): number[] => {
    const bytes = Buffer.alloc(2 * registers)
    bytes.write(content, 'latin1')
    return Array.from({ length: registers }, (_, index) => bytes.readUInt16BE(2 * index))
  }
  return [
    ...text('metergate simulator', 16),
    ...text(profile.id, 16),
    ...text('', 8),
    ...text('1', 8),
    ...text('1', 16),
    1,
    0,
  ]
}

/** The power of ten a meter with this scale-factor register would choose: as fine as 16 bits allow. */
export function scaleFactorOf(item: ModbusItem): number {
  if (item.scale_factor_address === undefined) return 0
  if (item.quantity.startsWith('current')) return -2
  if (item.quantity.startsWith('voltage')) return -1
  if (item.quantity.startsWith('power_factor')) return -1
  if (item.quantity.startsWith('power') || item.quantity.startsWith('demand')) return 1
  return item.quantity === 'frequency' ? -2 : 0
}
