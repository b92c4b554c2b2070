import { decodeRaw, type MeterProfile, registersOf } from '@metergate/protocol'
import type { BusRead, RegisterBus } from '../bus/register-bus.js'
import type { SetRatios, UnitAddress } from './scan-report.js'

/** The CT or PT ratio set in the meter itself, where its model has a register for it. */
export async function setRatio(
  bus: RegisterBus,
  { at, profile }: { readonly at: UnitAddress; readonly profile?: MeterProfile },
  which: 'ct' | 'pt',
  signal?: AbortSignal,
): Promise<number | undefined> {
  if (profile?.protocol !== 'modbus' || at.protocol !== 'modbus') return undefined
  const item = profile.ratio_registers?.[which]
  if (!item) return undefined
  const read = {
    function: item.function ?? profile.read_function,
    address: item.address,
    count: registersOf(item.type),
  }
  const answer = await twice(bus, { protocol: 'modbus', unit: at.unit, ...read }, signal)
  if (!answer.ok) return undefined
  const raw = decodeRaw(item.type, answer.value.data, item.word_order ?? profile.word_order)
  if (!raw.ok) return undefined
  const value = (raw.value.kind === 'integer' ? Number(raw.value.n) : raw.value.value) * Number(item.scale)
  return Number(value.toFixed(6))
}

/** Both of them, as far as the model has registers and the meter answers. */
export async function setRatios(
  bus: RegisterBus,
  unit: { readonly at: UnitAddress; readonly profile?: MeterProfile },
  signal?: AbortSignal,
): Promise<SetRatios> {
  const ct = await setRatio(bus, unit, 'ct', signal)
  const pt = await setRatio(bus, unit, 'pt', signal)
  return { ...(ct === undefined ? {} : { ct }), ...(pt === undefined ? {} : { pt }) }
}

/** Is the ratio set in a meter another than the configured one? A meter that says 1 was never told. */
export function ratioDiffers(configured: number, inMeter: number | undefined): inMeter is number {
  return inMeter !== undefined && inMeter > 1 && Math.abs(inMeter - configured) > 0.001 * inMeter
}

/** One damaged answer is no finding. */
export async function twice(bus: RegisterBus, read: BusRead, signal: AbortSignal | undefined) {
  const first = await bus.read(read, signal)
  return first.ok || first.fault.kind === 'exception' ? first : bus.read(read, signal)
}
