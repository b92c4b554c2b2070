import { z } from 'zod'
import type { Words } from '../words.js'
import { QUANTITY_TABLE } from './table.js'
import type { Unit } from './unit.js'

export type { Unit } from './unit.js'

/** One measurable thing, as every part of metergate names it. */
export interface Quantity {
  readonly name: QuantityName
  readonly unit: Unit
  /** A counter only rises (save rollover, reset, exchange); a gauge goes up and down. */
  readonly nature: 'gauge' | 'counter'
  /** Physically plausible range in `unit`; outside it a value is stored but flagged suspect. */
  readonly range: readonly [min: number, max: number]
  /** OBIS code (IEC 62056-61), where one fits. */
  readonly obis?: string
  readonly label: Words
}

export type QuantityName = keyof typeof QUANTITY_TABLE

const isQuantityName = (name: string): name is QuantityName => Object.hasOwn(QUANTITY_TABLE, name)

export const quantityNameSchema = z.string().refine(isQuantityName, 'not a known quantity')

/** Looks a quantity up by its name. */
export function quantity(name: QuantityName): Quantity {
  return { name, ...QUANTITY_TABLE[name] }
}

/** The name as a quantity name, or undefined when no quantity is called so. */
export function asQuantityName(name: string): QuantityName | undefined {
  return isQuantityName(name) ? name : undefined
}

export const QUANTITY_NAMES: readonly QuantityName[] = Object.keys(QUANTITY_TABLE).filter(isQuantityName)
