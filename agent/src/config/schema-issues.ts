import type { z } from 'zod'
import { CONFIG_HINTS, CONFIG_PROBLEMS, CONFIG_REMEDIES, type ConfigHint, TYPE_NAMES } from '../i18n/config-texts.js'
import { type Localized, same } from '../i18n/localized.js'
import { fullWidthSign } from './document.js'
import type { ConfigIssue, ConfigPath } from './issue.js'
import { pathText } from './issue.js'
import { nearest } from './nearest.js'
import type { Placed } from './placed.js'

/**
 * Turns the schema's findings into issues for a person: one per wrong value, one per unknown key. `remedyOf` says what
 * belongs at a path where the schema itself does not name a hint.
 */
export function schemaIssues(
  error: z.ZodError,
  placed: Placed,
  schema: z.ZodType,
  remedyOf: (path: ConfigPath, message: string) => Localized = (_, message) => same(message),
): ConfigIssue[] {
  const said = new Set<string>()
  return error.issues.flatMap((issue) => {
    const path = issue.path.filter((key) => typeof key !== 'symbol')
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => unknownKey(path, key, placed, knownKeys(schema, path)))
    // A number may be too large in more than one way.
    if (said.has(pathText(path))) return []
    said.add(pathText(path))
    return [wrongValue(path, issue, placed, remedyOf)]
  })
}

function unknownKey(parent: ConfigPath, key: string, placed: Placed, known: readonly string[]): ConfigIssue {
  const [near] = nearest(key, known, 1)
  return {
    severity: 'error',
    path: pathText([...parent, key]),
    where: placed.keyPlace(parent, key),
    value: placed.value([...parent, key]),
    ...(fullWidthSign(key) ?? {
      problem: CONFIG_PROBLEMS.unknownKey(key),
      remedy: near === undefined ? CONFIG_REMEDIES.oneOf(known) : CONFIG_REMEDIES.didYouMean(near),
    }),
  }
}

function wrongValue(
  path: ConfigPath,
  issue: z.core.$ZodIssue,
  placed: Placed,
  remedyOf: (path: ConfigPath, message: string) => Localized,
): ConfigIssue {
  const value = placed.value(path)
  return {
    severity: 'error',
    path: pathText(path),
    where: placed.place(path),
    value,
    problem:
      value === undefined ? CONFIG_PROBLEMS.missing : isMistyped(issue) ? wrongType(value) : CONFIG_PROBLEMS.notAllowed,
    remedy: isHint(issue.message) ? CONFIG_HINTS[issue.message] : remedyOf(path, issue.message),
  }
}

/** A union fails by its type only where every branch does: a number that is none of the known ones is no wrong type. */
function isMistyped(issue: z.core.$ZodIssue): boolean {
  if (issue.code !== 'invalid_union') return issue.code === 'invalid_type'
  const branches = issue.errors.flat()
  return branches.length > 0 && branches.every(({ code }) => code === 'invalid_type')
}

function wrongType(value: unknown): Localized {
  if (value === null) return CONFIG_PROBLEMS.wrongType(TYPE_NAMES.null)
  if (Array.isArray(value)) return CONFIG_PROBLEMS.wrongType(TYPE_NAMES.array)
  const name = typeof value
  if (name === 'number' && !Number.isInteger(value)) return CONFIG_PROBLEMS.notAllowed
  const known = name === 'string' || name === 'number' || name === 'boolean' ? name : 'object'
  return CONFIG_PROBLEMS.wrongType(TYPE_NAMES[known])
}

const isHint = (message: string): message is ConfigHint => Object.hasOwn(CONFIG_HINTS, message)

/** The keys the schema knows at `path`, found by walking its definition. */
export function knownKeys(schema: unknown, path: ConfigPath): string[] {
  const inner = unwrapped(schema)
  const [key, ...rest] = path
  const shape = childOf(inner, 'shape')
  if (key === undefined) return typeof shape === 'object' && shape !== null ? Object.keys(shape) : []
  if (typeof key === 'number') return knownKeys(childOf(inner, 'element'), rest)
  return knownKeys(childOf(shape, key), rest)
}

/** The schema under defaults, optionals and transforms. */
function unwrapped(schema: unknown): unknown {
  const definition = childOf(schema, 'def')
  const inner = childOf(definition, 'innerType') ?? childOf(definition, 'in')
  return inner === undefined ? schema : unwrapped(inner)
}

function childOf(parent: unknown, key: string): unknown {
  return typeof parent === 'object' && parent !== null ? Reflect.get(parent, key) : undefined
}
