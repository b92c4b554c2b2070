import { parseAmount } from '../amount.js'
import { quantity } from '../quantity/quantity.js'
import type { Words } from '../words.js'
import { powerOfTen } from './decode.js'
import { PROBLEMS, REMEDIES } from './problem-texts.js'
import type { Dlt645Item, ModbusItem } from './schema.js'

/** What is wrong with a profile: where, with which value, and what to do about it. */
export interface ProfileProblem {
  /** `items[3].address` */
  readonly path: string
  /** The offending value as text. */
  readonly value: string
  readonly problem: Words
  readonly remedy: Words
}

export type Item = ModbusItem | Dlt645Item

/** `items[3].address` */
export const at = (i: number, field?: string): string => `items[${i}]${field ? `.${field}` : ''}`

export const problem = (path: string, value: unknown, what: Words, remedy: Words): ProfileProblem => ({
  path,
  value: String(value),
  problem: what,
  remedy,
})

/** A scale must be a decimal that keeps the value exact. */
export function checkScale(item: Item, i: number, isFloat: boolean): ProfileProblem[] {
  const scale = parseAmount(item.scale)
  if (!scale || scale.n === 0) return [problem(at(i, 'scale'), item.scale, PROBLEMS.scaleZero, REMEDIES.decimal)]
  if (isFloat && powerOfTen(scale) === undefined)
    return [problem(at(i, 'scale'), item.scale, PROBLEMS.scaleOfFloat, REMEDIES.powerOfTen)]
  if (quantity(item.quantity).unit === 'pulse' && (item.exponent ?? scale.exp) < 0)
    return [problem(at(i, 'scale'), item.scale, PROBLEMS.scaleOfPulses, REMEDIES.scaleOne)]
  return []
}

/** A declared modulus must be one the type can reach. `most`: one more than the largest raw value. */
export function checkModulus(item: Item, i: number, most: bigint | undefined): ProfileProblem[] {
  if (item.modulus === undefined) return []
  const path = at(i, 'modulus')
  if (quantity(item.quantity).nature !== 'counter')
    return [problem(path, item.modulus, PROBLEMS.noCounter(item.quantity), REMEDIES.removeModulus)]
  if (most === undefined || BigInt(item.modulus) > most || BigInt(item.modulus) === 0n)
    return [problem(path, item.modulus, PROBLEMS.neverSoFar, REMEDIES.rawModulus)]
  return []
}
