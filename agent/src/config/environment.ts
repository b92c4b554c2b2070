import { CONFIG_PROBLEMS, CONFIG_REMEDIES } from '../i18n/config-texts.js'
import type { ConfigIssue, ConfigPath } from './issue.js'
import { nearest } from './nearest.js'

export type Environment = Readonly<Record<string, string | undefined>>

/** Settings the environment may override, and where they live in the file. Values are written as in the file. */
export const ENVIRONMENT_SETTINGS: Readonly<Record<string, ConfigPath>> = {
  METERGATE_LANGUAGE: ['language'],
  METERGATE_PLANT_NAME: ['plant', 'name'],
  METERGATE_PLANT_TIMEZONE: ['plant', 'timezone'],
  METERGATE_PLANT_INTERVAL: ['plant', 'interval'],
  METERGATE_STORE_FOLDER: ['store', 'folder'],
  METERGATE_STORE_CAP: ['store', 'cap'],
  METERGATE_STORE_COMMIT_WINDOW: ['store', 'commit_window'],
  METERGATE_STORE_BALLAST: ['store', 'ballast'],
  METERGATE_SYNC_CLOUD: ['sync', 'cloud'],
  METERGATE_SYNC_EVERY: ['sync', 'every'],
  METERGATE_SYNC_HEARTBEAT: ['sync', 'heartbeat'],
  METERGATE_SYNC_DATA_PLAN: ['sync', 'data_plan'],
  METERGATE_LOG_LEVEL: ['log', 'level'],
  METERGATE_LOG_FORMAT: ['log', 'format'],
  METERGATE_PROFILES: ['profiles'],
}

const PREFIX = 'METERGATE_'

/** Read by the command line itself. */
const OTHER_VARIABLES = ['METERGATE_CONFIG', 'METERGATE_LANG']

export interface Override {
  readonly name: string
  readonly path: ConfigPath
  readonly value: string
}

/** The overrides present in `env`, and a warning for each METERGATE_ variable nobody reads. */
export function environmentOverrides(env: Environment): { overrides: Override[]; warnings: ConfigIssue[] } {
  const overrides: Override[] = []
  const warnings: ConfigIssue[] = []
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || value === undefined || value === '' || OTHER_VARIABLES.includes(name)) continue
    const path = ENVIRONMENT_SETTINGS[name]
    if (path) overrides.push({ name, path, value })
    else warnings.push(unknownVariable(name, value))
  }
  return { overrides, warnings }
}

function unknownVariable(name: string, value: string): ConfigIssue {
  const known = Object.keys(ENVIRONMENT_SETTINGS)
  // The prefix they all have makes no two of them alike.
  const [near] = nearest(
    name.slice(PREFIX.length),
    known.map((each) => each.slice(PREFIX.length)),
    1,
  )
  return {
    severity: 'warning',
    path: name,
    where: { kind: 'environment', name },
    value,
    problem: CONFIG_PROBLEMS.unknownEnv(name),
    remedy: near === undefined ? CONFIG_REMEDIES.oneOf(known) : CONFIG_REMEDIES.didYouMean(`${PREFIX}${near}`),
  }
}

/** `content` with the overrides put in; missing sections are made. The input is not changed. */
export function withOverrides(content: unknown, overrides: readonly Override[]): unknown {
  return overrides.reduce((so, { path, value }) => put(so, path, value), content)
}

function put(target: unknown, [key, ...rest]: ConfigPath, value: string): unknown {
  if (key === undefined) return value
  // A section of the wrong type stays as it is: its own error says so.
  if (target !== undefined && target !== null && (typeof target !== 'object' || Array.isArray(target))) return target
  const before: object = target ?? {}
  return { ...before, [key]: put(Reflect.get(before, key), rest, value) }
}
