import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import {
  dlt645ProfileSchema,
  fail,
  type MeterProfile,
  meterProfileSchema,
  modbusProfileSchema,
  ok,
  QUANTITY_NAMES,
  quantity,
  type Result,
} from '@metergate/protocol'
import { checkProfile, type ProfileProblem } from '@metergate/protocol/profiles'
import { CONFIG_PROBLEMS, CONFIG_REMEDIES } from '../i18n/config-texts.js'
import type { Localized } from '../i18n/localized.js'
import { profileHint } from '../i18n/profile-texts.js'
import { ConfigDocument } from './document.js'
import type { ConfigIssue, ConfigPath, ConfigPlace } from './issue.js'
import { nearest } from './nearest.js'
import { Placed } from './placed.js'
import { schemaIssues } from './schema-issues.js'
import { readSourceFile } from './source.js'
import { sourceIssue } from './source-issue.js'

/** Why a technician's profile file cannot be used: every problem with place, value and remedy. */
export interface ProfileFileFault {
  readonly file: string
  readonly issues: readonly ConfigIssue[]
}

/** A model of one's own and where its file says the id. */
interface OwnProfile {
  readonly file: string
  readonly profile: MeterProfile
  readonly idAt: ConfigPlace
}

const EMPTY = (file: string): ConfigIssue => ({
  severity: 'error',
  path: '',
  where: { kind: 'file', file },
  value: undefined,
  problem: CONFIG_PROBLEMS.emptyFile,
  remedy: profileHint([]),
})

const UNREADABLE = {
  missing: { problem: CONFIG_PROBLEMS.profileMissing, remedy: CONFIG_REMEDIES.profilePath },
  unreadable: (why: string) => ({
    problem: CONFIG_PROBLEMS.profileUnreadable(why),
    remedy: CONFIG_REMEDIES.profilePath,
  }),
} as const

/** Reads one profile from YAML or JSON (YAML holds JSON). */
export function readProfileFile(file: string): Result<MeterProfile, ProfileFileFault> {
  const read = readOwnProfile(file)
  return read.ok ? ok(read.value.profile) : read
}

function readOwnProfile(file: string): Result<OwnProfile, ProfileFileFault> {
  const source = readSourceFile(file)
  if (!source.ok) return fail({ file, issues: [sourceIssue(file, source.fault, UNREADABLE)] })
  const document = new ConfigDocument(file, source.value)
  const syntax = document.syntaxIssues()
  if (syntax.length > 0) return fail({ file, issues: syntax })
  const placed = new Placed(document.content(), document, [])
  if (document.isEmpty()) return fail({ file, issues: [EMPTY(file)] })
  const parsed = meterProfileSchema.safeParse(placed.content)
  if (!parsed.success) {
    const schema = placed.value(['protocol']) === 'dlt645' ? dlt645ProfileSchema : modbusProfileSchema
    const issues = schemaIssues(parsed.error, placed, schema, (path) => remedyAt(path, placed))
    return fail({ file, issues: issues.map((issue) => namedQuantity(issue)) })
  }
  const problems = checkProfile(parsed.data)
  if (problems.length > 0) return fail({ file, issues: problems.map((one) => crossIssue(one, placed)) })
  return ok({ file, profile: parsed.data, idAt: placed.place(['id']) })
}

/** What belongs at a path; for a quantity the name that looks like it, or is called so in either language. */
function remedyAt(path: ConfigPath, placed: Placed): Localized {
  const value = placed.value(path)
  const name = path.at(-1) === 'quantity' && typeof value === 'string' ? quantityLike(value) : undefined
  return name === undefined ? profileHint(path) : CONFIG_REMEDIES.didYouMean(name)
}

function quantityLike(text: string): string | undefined {
  const names = new Map<string, string>(
    QUANTITY_NAMES.flatMap((name) => [name, quantity(name).label.zh, quantity(name).label.en].map((as) => [as, name])),
  )
  const [near] = nearest(text, [...names.keys()], 1)
  return near === undefined ? undefined : names.get(near)
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

/** Does a folder of models take this file for one? */
export const isProfileName = (name: string): boolean => /\.(ya?ml|json)$/i.test(name)

/** Every profile of a folder; the system's error code when it cannot be read. */
export function readProfileFolder(
  folder: string,
): Result<{ readonly profiles: MeterProfile[]; readonly faults: ProfileFileFault[] }, string> {
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch (error) {
    return fail(error instanceof Error && 'code' in error ? String(error.code) : String(error))
  }
  const files = names.filter((name) => isProfileName(name)).sort()
  const read = files.map((name) => readOwnProfile(join(folder, name)))
  const own = read.flatMap((one) => (one.ok ? [one.value] : []))
  return ok({
    profiles: own.map(({ profile }) => profile),
    faults: [...read.flatMap((one) => (one.ok ? [] : [one.fault])), ...sameIds(own)],
  })
}

/** Two files with one id: which of them a meter is read by would hang on their names. */
function sameIds(own: readonly OwnProfile[]): ProfileFileFault[] {
  return own.flatMap(({ file, profile, idAt }, index) => {
    const first = own.slice(0, index).find((one) => one.profile.id === profile.id)
    if (!first) return []
    const problem = CONFIG_PROBLEMS.sameModel(basename(first.file))
    const remedy = CONFIG_REMEDIES.renameModel
    return [{ file, issues: [{ severity: 'error', path: 'id', where: idAt, value: profile.id, problem, remedy }] }]
  })
}

/** The technician's own profiles first: an own file with a shipped id takes its place. */
export function mergeProfiles(own: readonly MeterProfile[], builtin: readonly MeterProfile[]): MeterProfile[] {
  return [...own, ...builtin.filter((profile) => !own.some((mine) => mine.id === profile.id))]
}
