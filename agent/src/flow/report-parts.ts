import type { Amount, MeterId } from '@metergate/protocol'
import type { GroupEntry } from '../config/energy-schema.js'
import type { Prices } from '../energy/cost.js'
import type { FactorId } from '../energy/factors.js'
import type { RestDays } from '../energy/loads.js'
import type { IntervalMinutes, PlantZone, Slot } from '../energy/plant-time.js'
import type { ProductPlan } from '../energy/product-book.js'
import type { Tariff } from '../energy/tariff.js'
import type { VeeLimits } from '../energy/vee-table.js'
import type { RatePlan } from './energy-rates.js'

/** What a report over the stored ledger has to know of the plant. */
export interface ReportParts {
  readonly zone: PlantZone
  readonly minutes: IntervalMinutes
  readonly meters: readonly ReportMeter[]
  readonly products: readonly ReportProduct[]
  readonly groups?: readonly GroupEntry[]
  readonly tariff?: { readonly meter: MeterId; readonly tariff: Tariff; readonly prices: Prices } | undefined
  readonly co2?: FactorId
  readonly contractKw?: Amount | undefined
  /** The site's own limits of the checks. */
  readonly limits?: VeeLimits | undefined
  /** The plant's calendar of rest days; absent: none is configured. */
  readonly isRestDay?: RestDays | undefined
}

export interface ReportMeter {
  readonly id: MeterId
  readonly label: string
  readonly hasEnergy: boolean
  /** Absent: the meter has no registers by rate. */
  readonly rates?: RatePlan | undefined
}

export interface ReportProduct {
  readonly plan: ProductPlan
  readonly label: string
  readonly weightKg?: Amount | undefined
  /** First and last day of the baseline. */
  readonly baseline?: Slot | undefined
}
