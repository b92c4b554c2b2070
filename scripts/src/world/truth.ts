import { type Amount, multiply, type QuantityName } from '@metergate/protocol'
import type { ModbusMeter } from '@metergate/simulator'

/**
 * What a faultless reader gets for a quantity at `epochMs`, transformer ratios multiplied in. Registers for which the plant
 * has no value hold zeros; undefined when the meter has no such register.
 */
export function registerAt(meter: ModbusMeter, quantity: QuantityName, epochMs: number): Amount | undefined {
  const item = meter.profile.items.find((each) => each.quantity === quantity)
  if (!item) return undefined
  const shown = meter.registerAmount(quantity, epochMs) ?? { n: 0, exp: 0 }
  const ct = item.ratio === 'ct' || item.ratio === 'ct_pt' ? meter.spec.ct : 1
  const pt = item.ratio === 'pt' || item.ratio === 'ct_pt' ? meter.spec.pt : 1
  return multiply(shown, { n: ct * pt, exp: 0 })
}
