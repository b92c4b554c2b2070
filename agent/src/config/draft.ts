import type { MeterProfile } from '@metergate/protocol'
import type { z } from 'zod'
import type { Localized } from '../i18n/localized.js'
import { type GroupEntry, groupSchema } from './energy-schema.js'
import { type ConfigIssue, type ConfigPath, pathText } from './issue.js'
import type { Placed } from './placed.js'
import {
  type LineConfig,
  lineSchema,
  type MeterEntry,
  meterSchema,
  type ProductEntry,
  productSchema,
  type ShiftConfig,
  shiftSchema,
} from './schema.js'

/** An entry of a list that is right in itself, with its place in the file. */
export interface Entry<T> {
  readonly path: ConfigPath
  readonly value: T
}

/**
 * What of the configuration can be judged although other parts are wrong, so that all errors show at once. Entries
 * wrong in themselves are left out (of lines and meters only where a field is wrong that others hang on), but their names count as known.
 */
export interface Draft {
  readonly lines: readonly Entry<LineConfig>[]
  readonly meters: readonly Entry<MeterEntry>[]
  readonly products: readonly Entry<ProductEntry>[]
  readonly groups: readonly Entry<GroupEntry>[]
  readonly shifts: readonly Entry<ShiftConfig>[]
  readonly lineIds: readonly string[]
  readonly meterIds: readonly string[]
  readonly profiles: readonly MeterProfile[]
  readonly placed: Placed
}

export function draftOf(placed: Placed, profiles: readonly MeterProfile[]): Draft {
  return {
    lines: entries(placed, ['lines'], lineSchema, ['baud', 'format']),
    meters: entries(placed, ['meters'], meterSchema, ['label', 'unit', 'address', 'ct', 'pt', 'poll', 'max_power_kw']),
    products: entries(placed, ['products'], productSchema),
    groups: entries(placed, ['groups'], groupSchema),
    shifts: entries(placed, ['plant', 'shifts'], shiftSchema),
    lineIds: ids(placed, 'lines'),
    meterIds: ids(placed, 'meters'),
    profiles,
    placed,
  }
}

/** An issue about the value at `path`. */
export function issueAt(
  draft: Pick<Draft, 'placed'>,
  path: ConfigPath,
  problem: Localized,
  remedy: Localized,
  severity: ConfigIssue['severity'] = 'error',
): ConfigIssue {
  return {
    severity,
    path: pathText(path),
    where: draft.placed.place(path),
    value: draft.placed.value(path),
    problem,
    remedy,
  }
}

/** Entries that are right, or would be without those wrong fields that may be left out (`spare`). */
function entries<S extends z.ZodType>(
  placed: Placed,
  path: ConfigPath,
  schema: S,
  spare: readonly string[] = [],
): Entry<z.infer<S>>[] {
  const items = placed.value(path)
  if (!Array.isArray(items)) return []
  return items.flatMap((item: unknown, index) => {
    const parsed = schema.safeParse(item)
    if (!parsed.success && typeof item === 'object' && item !== null) {
      const wrong = parsed.error.issues.map((issue) => issue.path[0])
      const rest = Object.fromEntries(
        Object.entries(item).filter(([key]) => !(wrong.includes(key) && spare.includes(key))),
      )
      const again = schema.safeParse(rest)
      return again.success ? [{ path: [...path, index], value: again.data }] : []
    }
    return parsed.success ? [{ path: [...path, index], value: parsed.data }] : []
  })
}

function ids(placed: Placed, list: string): string[] {
  const items = placed.value([list])
  if (!Array.isArray(items)) return []
  return items.flatMap((_, index) => {
    const id = placed.value([list, index, 'id'])
    return typeof id === 'string' ? [id] : []
  })
}
