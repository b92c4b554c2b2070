import type { Amount, MeterProfile, QuantityName } from '@metergate/protocol'
import type { MeterSpec } from '../plant/schema.js'

/** A meter of the plant, whatever it speaks. */
export interface SimulatedMeter {
  readonly spec: MeterSpec
  readonly profile: MeterProfile
  /** As faults and reports name it: the Modbus unit, or twelve digits. */
  readonly name: string
  /**
   * What a faultless reader must get for a quantity at `epochMs`: the amount the meter shows, before any ratio is
   * multiplied in. Undefined when the profile has no such item or the plant no such value.
   */
  registerAmount(quantity: QuantityName, epochMs: number): Amount | undefined
}
