import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MeterProfile } from '@metergate/protocol'
import { fail, type Result } from '@metergate/protocol'
import { describeProblem, parseProfile } from '@metergate/protocol/profiles'
import { parse } from 'yaml'

/** Why a technician's profile file cannot be used: one text per problem, each with place, value and remedy. */
export interface ProfileFileFault {
  readonly file: string
  readonly problems: readonly string[]
}

/** Reads one profile from YAML or JSON (YAML holds JSON). */
export function readProfileFile(file: string): Result<MeterProfile, ProfileFileFault> {
  let content: unknown
  try {
    content = parse(readFileSync(file, 'utf8'))
  } catch (error) {
    return fail({ file, problems: [error instanceof Error ? firstLine(error.message) : String(error)] })
  }
  const parsed = parseProfile(content)
  return parsed.ok ? parsed : fail({ file, problems: parsed.fault.map(describeProblem) })
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

const firstLine = (text: string): string => text.split('\n')[0] ?? text
