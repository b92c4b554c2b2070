import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  dlt645ProfileSchema,
  fail,
  type MeterProfile,
  meterProfileSchema,
  modbusProfileSchema,
  ok,
  QUANTITY_NAMES,
  type Result,
} from '@metergate/protocol'
import { checkProfile, type ProfileProblem } from '@metergate/protocol/profiles'
import { CONFIG_PROBLEMS, CONFIG_REMEDIES } from '../i18n/config-texts.js'
import type { Localized } from '../i18n/localized.js'
import { profileHint } from '../i18n/profile-texts.js'
import { ConfigDocument } from './document.js'
import type { ConfigIssue, ConfigPath } from './issue.js'
import { nearest } from './nearest.js'
import { Placed } from './placed.js'
import { schemaIssues } from './schema-issues.js'

/** Why a technician's profile file cannot be used: every problem with place, value and remedy. */
export interface ProfileFileFault {
  readonly file: string
  readonly issues: readonly ConfigIssue[]
}

/** Reads one profile from YAML or JSON (YAML holds JSON). */
export function readProfileFile(file: string): Result<MeterProfile, ProfileFileFault> {
  let source: string
  try {
    source = readFileSync(file, 'utf8')
  } catch (error) {
    return fail({ file, issues: [unreadable(file, error)] })
  }
  const document = new ConfigDocument(file, source)
  const syntax = document.syntaxIssues()
  if (syntax.length > 0) return fail({ file, issues: syntax })
  const placed = new Placed(document.content(), document, [])
  const parsed = meterProfileSchema.safeParse(placed.content)
  if (!parsed.success) {
    const schema = placed.value(['protocol']) === 'dlt645' ? dlt645ProfileSchema : modbusProfileSchema
    const issues = schemaIssues(parsed.error, placed, schema, (path) => remedyAt(path, placed))
    return fail({ file, issues: issues.map((issue) => namedQuantity(issue)) })
  }
  const problems = checkProfile(parsed.data)
  return problems.length > 0 ? fail({ file, issues: problems.map((one) => crossIssue(one, placed)) }) : ok(parsed.data)
}

function unreadable(file: string, error: unknown): ConfigIssue {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  const missing = code === 'ENOENT'
  return {
    severity: 'error',
    path: '',
    where: { kind: 'file', file },
    value: undefined,
    problem: missing ? CONFIG_PROBLEMS.profileMissing : CONFIG_PROBLEMS.profileUnreadable(code),
    remedy: CONFIG_REMEDIES.profilePath,
  }
}

/** What belongs at a path: the hint of its last named key; for a quantity the names that look like it. */
function remedyAt(path: ConfigPath, placed: Placed): Localized {
  const field = path.findLast((key) => typeof key === 'string')
  const value = placed.value(path)
  const [near] = field === 'quantity' && typeof value === 'string' ? nearest(value, QUANTITY_NAMES, 1) : []
  return near === undefined ? profileHint(String(field ?? 'items')) : CONFIG_REMEDIES.didYouMean(near)
}

const namedQuantity = (issue: ConfigIssue): ConfigIssue =>
  /\.quantity$/.test(issue.path) && typeof issue.value === 'string'
    ? { ...issue, problem: CONFIG_PROBLEMS.unknownQuantity }
    : issue

/** What the schema alone cannot see, with its place in the file: `items[3].address` names it. */
function crossIssue({ path, problem, remedy }: ProfileProblem, placed: Placed): ConfigIssue {
  const keys = path.split(/[.[\]]+/).flatMap((key) => (key === '' ? [] : [/^\d+$/.test(key) ? Number(key) : key]))
  const value = placed.value(keys)
  return { severity: 'error', path, where: placed.place(keys), value, problem, remedy }
}

/** Every profile of a folder; undefined when there is no such folder. */
export function readProfileFolder(
  folder: string,
): { readonly profiles: MeterProfile[]; readonly faults: ProfileFileFault[] } | undefined {
  if (!existsSync(folder)) return undefined
  const files = readdirSync(folder).filter((name) => /\.(ya?ml|json)$/.test(name))
  const read = files.sort().map((name) => readProfileFile(join(folder, name)))
  return {
    profiles: read.flatMap((one) => (one.ok ? [one.value] : [])),
    faults: read.flatMap((one) => (one.ok ? [] : [one.fault])),
  }
}

/** The technician's own profiles first: an own file with a shipped id takes its place. */
export function mergeProfiles(own: readonly MeterProfile[], builtin: readonly MeterProfile[]): MeterProfile[] {
  return [...own, ...builtin.filter((profile) => !own.some((mine) => mine.id === profile.id))]
}
