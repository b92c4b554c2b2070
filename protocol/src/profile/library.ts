import { readdirSync, readFileSync } from 'node:fs'
import { invariant } from '../invariant.js'
import { fail, ok, type Result } from '../result.js'
import { checkProfile, type ProfileProblem } from './check.js'
import { type MeterProfile, meterProfileSchema } from './schema.js'

export { checkProfile, type ProfileProblem } from './check.js'
export { renderMeterList } from './list.js'

/** The package's own folder, seen from both src/profile and dist/profile. */
const FOLDER = new URL('../../profiles/', import.meta.url)

/** Reads every profile that ships with the package, ordered by id. A broken one is our mistake and throws. */
export function loadBuiltinProfiles(): MeterProfile[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'))
  return files.sort().map((name) => {
    const parsed = parseProfile(JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')))
    invariant(parsed.ok, `profile ${name}: ${parsed.ok ? '' : parsed.fault.map(describeProblem).join('; ')}`)
    invariant(`${parsed.value.id}.json` === name, `profile ${name} calls itself ${parsed.value.id}`)
    return parsed.value
  })
}

/** Finds a profile by id, alias or model name, whatever the case, spaces and dashes; undefined when none fits. */
export function findProfile(
  name: string,
  profiles: readonly MeterProfile[] = loadBuiltinProfiles(),
): MeterProfile | undefined {
  const wanted = plain(name)
  const exact = profiles.find((profile) => profile.id === name)
  return exact ?? profiles.find((profile) => namesOf(profile).some((known) => plain(known) === wanted))
}

/** Everything a profile answers to. */
export function namesOf(profile: MeterProfile): string[] {
  return [profile.id, ...profile.aliases, ...profile.models]
}

const plain = (name: string): string => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')

/** A problem in plain English, as the schema's own words are. */
export interface ProfileFault {
  /** `items[3].address` */
  readonly path: string
  readonly value: string
  readonly problem: string
  readonly remedy: string
}

/** Reads a profile from parsed JSON or YAML; every problem at once, each with its place, value and remedy. */
export function parseProfile(input: unknown): Result<MeterProfile, ProfileFault[]> {
  const parsed = meterProfileSchema.safeParse(input)
  if (!parsed.success)
    return fail(
      parsed.error.issues.map((issue) => ({
        path: pathText(issue.path),
        value: valueText(valueAt(input, issue.path)),
        problem: issue.message,
        remedy: remedyFor(issue),
      })),
    )
  const problems = checkProfile(parsed.data)
  return problems.length > 0 ? fail(problems.map(inEnglish)) : ok(parsed.data)
}

/** One line for a person: `items[3].scale = "x": not a decimal; write "0.01"`. */
export function describeProblem({ path, value, problem, remedy }: ProfileFault): string {
  return `${path} = ${value}: ${problem}; ${remedy}`
}

const inEnglish = ({ problem, remedy, ...place }: ProfileProblem): ProfileFault => ({
  ...place,
  problem: problem.en,
  remedy: remedy.en,
})

function pathText(path: readonly PropertyKey[]): string {
  const text = path.reduce<string>(
    (so, key) => (typeof key === 'number' ? `${so}[${key}]` : `${so}.${String(key)}`),
    '',
  )
  return text.replace(/^\./, '') || '(profile)'
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = input
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Reflect.get(value, key)
  }
  return value
}

function valueText(value: unknown): string {
  if (value === undefined) return 'missing'
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

interface Issue {
  readonly code?: string | undefined
  readonly path: readonly PropertyKey[]
}

function remedyFor(issue: Issue): string {
  const field = issue.path.at(-1)
  if (issue.code === 'unrecognized_keys') return 'remove it or correct its spelling'
  if (field === 'quantity') return 'use a name of the quantity list, e.g. energy_active_import_total'
  if (field === 'protocol') return 'write protocol: modbus or protocol: dlt645'
  if (field === 'scale') return 'write a plain decimal in quotes, e.g. "0.01"'
  return 'correct it as the message says; docs/meters.md lists profiles to compare with'
}
