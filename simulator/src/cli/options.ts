import { readFileSync } from 'node:fs'
import { baudSchema } from '@metergate/protocol'
import type { ShiftPattern } from '../plant/calendar.js'
import { demoPlant } from '../plant/demo-plant.js'
import { type PlantSpec, plantSpecSchema } from '../plant/schema.js'

/** A mistake of the person at the keyboard: shown as it is, without a stack. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A whole number in a range, or a clear complaint. */
export function wholeNumber(name: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new UsageError(`${name} is "${text}"; give a whole number from ${min} to ${max}`)
    }
    return value
  }
}

export interface PlantOptions {
  readonly plant: string
  readonly seed?: number
  readonly since?: number
  readonly baud?: number
  readonly shifts?: ShiftPattern
}

/** The demo plant or a plant file (JSON), with seed and speed from the command line on top. */
export function plantFrom(options: PlantOptions): PlantSpec {
  const parsed = plantSpecSchema.safeParse(options.plant === 'demo' ? demo(options) : readPlant(options.plant))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new UsageError(`${options.plant}: ${issue?.path.join('.') || 'plant'}: ${issue?.message ?? 'not a plant'}`)
  }
  const baud = options.baud === undefined ? parsed.data.line.baud : knownBaud(options.baud)
  return {
    ...parsed.data,
    seed: options.seed ?? parsed.data.seed,
    since: options.since ?? parsed.data.since,
    line: { ...parsed.data.line, baud },
  }
}

function knownBaud(baud: number): PlantSpec['line']['baud'] {
  const parsed = baudSchema.safeParse(baud)
  if (parsed.success) return parsed.data
  const known = baudSchema.options.map(({ value }) => value)
  throw new UsageError(`--baud is ${baud}; give one of ${known.join(', ')}`)
}

function demo(options: PlantOptions): PlantSpec {
  return demoPlant(options.seed ?? 1, options.shifts === undefined ? {} : { shifts: options.shifts })
}

function readPlant(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new UsageError(`can't read plant file ${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** An instant: ISO 8601 or milliseconds since 1970. */
export function instant(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
  if (Number.isNaN(value)) throw new UsageError(`"${text}" is no instant; give e.g. 2026-11-23T10:00:00+08:00`)
  return value
}
