import { createHash } from 'node:crypto'
import { dirname, resolve } from 'node:path'
import { fail, invariant, type MeterId, type MeterProfile, ok, type Result } from '@metergate/protocol'
import { findProfile, loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { CONFIG_PROBLEMS, CONFIG_REMEDIES } from '../i18n/config-texts.js'
import { checkBaselines, checkGroups } from './check-groups.js'
import { checkLines, checkMeters } from './check-meters.js'
import { checkProducts, checkShiftGrid, checkShifts } from './check-products.js'
import { checkStore } from './check-store.js'
import { ConfigDocument } from './document.js'
import { draftOf, issueAt } from './draft.js'
import { type Environment, environmentOverrides, withOverrides } from './environment.js'
import type { ConfigIssue } from './issue.js'
import { Placed } from './placed.js'
import { mergeProfiles, readProfileFolder } from './profiles.js'
import { type GatewayConfig, gatewayConfigSchema } from './schema.js'
import { schemaIssues } from './schema-issues.js'
import { readSourceFile } from './source.js'
import { sourceIssue } from './source-issue.js'

/** A configuration that may be run: the values, each meter's profile, and what is doubtful. */
export interface LoadedConfig {
  readonly file: string
  /** Relative folders are already resolved against the file's own folder. */
  readonly config: GatewayConfig
  readonly profiles: readonly MeterProfile[]
  readonly meterProfiles: ReadonlyMap<MeterId, MeterProfile>
  readonly warnings: readonly ConfigIssue[]
  /** First 12 hex digits of the SHA-256 of the file as read: names this version in batches and heartbeats. */
  readonly version: string
}

export interface LoadOptions {
  readonly file: string
  readonly env?: Environment
  /** Meter models that ship with the program; read from the package when left out. */
  readonly builtin?: readonly MeterProfile[]
}

/** Reads, merges and checks a configuration; all that is wrong comes back at once. Never throws for what a file holds. */
export function loadConfig({
  file,
  env = {},
  builtin = loadBuiltinProfiles(),
}: LoadOptions): Result<LoadedConfig, ConfigIssue[]> {
  const source = readSource(file)
  return source.ok ? checkSource(source.value, { file, env, builtin }) : source
}

/** As {@link loadConfig}, for text that is not (yet) a file. */
export function checkSource(
  source: string,
  { file, env = {}, builtin = loadBuiltinProfiles() }: LoadOptions,
): Result<LoadedConfig, ConfigIssue[]> {
  const document = new ConfigDocument(file, source)
  const syntax = document.syntaxIssues()
  if (syntax.length > 0) return fail([...syntax])
  const { overrides, warnings } = environmentOverrides(env)
  const placed = new Placed(withOverrides(document.content(), overrides), document, overrides)
  const own = ownProfiles(placed, file)
  const profiles = mergeProfiles(own.profiles, builtin)
  const parsed = gatewayConfigSchema.safeParse(placed.content)
  const draft = draftOf(placed, profiles)
  const wrongValues = parsed.success ? [] : schemaIssues(parsed.error, placed, gatewayConfigSchema)
  const found = [
    ...checkLines(draft),
    ...checkMeters(draft),
    ...checkProducts(draft),
    ...checkBaselines(draft),
    ...checkGroups(draft),
    ...checkShifts(draft),
    ...(parsed.success
      ? [...checkShiftGrid(draft, parsed.data.plant.interval), ...checkStore(draft, parsed.data, file)]
      : []),
  ]
  const issues = [...warnings, ...wrongValues, ...own.issues, ...found.filter((one) => !isFollowUp(one, wrongValues))]
  if (parsed.success && parsed.data.meters.length === 0)
    issues.push(issueAt(draft, ['meters'], CONFIG_PROBLEMS.noMeters, CONFIG_REMEDIES.addMeter))
  if (!parsed.success || issues.some((issue) => issue.severity === 'error')) return fail(inFileOrder(issues))
  const config = withResolvedFolders(parsed.data, file)
  return ok({
    file,
    config,
    profiles,
    meterProfiles: new Map(config.meters.map((meter) => [meter.id, profileFor(meter.profile, profiles)])),
    warnings: inFileOrder(issues),
    version: createHash('sha256').update(source).digest('hex').slice(0, 12),
  })
}

/** What follows from a value that is wrong in itself: it was left out to look at the rest. */
function isFollowUp({ path }: ConfigIssue, wrongValues: readonly ConfigIssue[]): boolean {
  const isIn = (inner: string, outer: string): boolean => inner === outer || inner.startsWith(`${outer}.`)
  return wrongValues.some((wrong) => isIn(path, wrong.path) || isIn(wrong.path, path))
}

function readSource(file: string): Result<string, ConfigIssue[]> {
  const source = readSourceFile(file)
  return source.ok ? source : fail([sourceIssue(file, source.fault, UNREADABLE)])
}

const UNREADABLE = {
  missing: { problem: CONFIG_PROBLEMS.fileMissing, remedy: CONFIG_REMEDIES.init },
  unreadable: (why: string) => ({ problem: CONFIG_PROBLEMS.fileUnreadable(why), remedy: CONFIG_REMEDIES.permission }),
} as const

function ownProfiles(placed: Placed, file: string): { profiles: readonly MeterProfile[]; issues: ConfigIssue[] } {
  const folder = placed.value(['profiles'])
  // No name at all is the schema's to refuse; here it would be the configuration's own folder.
  if (typeof folder !== 'string' || folder.trim() === '') return { profiles: [], issues: [] }
  const read = readProfileFolder(resolve(dirname(file), folder))
  if (!read.ok) {
    const { problem, remedy } = folderWords(read.fault)
    return { profiles: [], issues: [issueAt({ placed }, ['profiles'], problem, remedy)] }
  }
  const issues = read.value.faults.map((fault): ConfigIssue => {
    const [first, ...more] = fault.issues
    invariant(first, `${fault.file} is refused for a reason`)
    return more.length > 0 ? { ...first, remedy: CONFIG_REMEDIES.andMore(first.remedy, more.length) } : first
  })
  return { profiles: read.value.profiles, issues }
}

function folderWords(code: string): Pick<ConfigIssue, 'problem' | 'remedy'> {
  if (code === 'ENOENT') return { problem: CONFIG_PROBLEMS.profileFolderMissing, remedy: CONFIG_REMEDIES.profileFolder }
  if (code === 'ENOTDIR') return { problem: CONFIG_PROBLEMS.profileFolderIsFile, remedy: CONFIG_REMEDIES.nameFolder }
  return { problem: CONFIG_PROBLEMS.profileFolderUnreadable(code), remedy: CONFIG_REMEDIES.permission }
}

function withResolvedFolders(config: GatewayConfig, file: string): GatewayConfig {
  return { ...config, store: { ...config.store, folder: resolve(dirname(file), config.store.folder) } }
}

function profileFor(name: string, profiles: readonly MeterProfile[]): MeterProfile {
  const profile = findProfile(name, profiles)
  invariant(profile, `profile ${name} was there when checked`)
  return profile
}

/** Top to bottom, as the technician will go through the file; the environment first. */
function inFileOrder(issues: readonly ConfigIssue[]): ConfigIssue[] {
  const position = ({ where }: ConfigIssue): number =>
    where.kind === 'file' ? (where.line ?? 0) * 10_000 + (where.column ?? 0) : -1
  return [...issues].sort((a, b) => position(a) - position(b))
}
