import type { MeterProfile, SerialFormat } from '@metergate/protocol'
import { findProfile } from '@metergate/protocol/profiles'
import { CONFIG_HINTS, CONFIG_PROBLEMS, CONFIG_REMEDIES } from '../i18n/config-texts.js'
import { deviceOf } from './device.js'
import { type Draft, type Entry, issueAt } from './draft.js'
import { type ConfigIssue, type ConfigPath, pathText } from './issue.js'
import { nearest } from './nearest.js'
import type { LineConfig, MeterEntry } from './schema.js'

/** Lines: one id, one port each. */
export function checkLines(draft: Draft): ConfigIssue[] {
  return [...duplicates(draft, draft.lines, (line) => line.id), ...duplicatePorts(draft)]
}

function duplicatePorts(draft: Draft): ConfigIssue[] {
  return repeats(draft.lines, ({ port }) => deviceOf(port)).map(({ entry, first }) =>
    issueAt(
      draft,
      [...entry.path, 'port'],
      CONFIG_PROBLEMS.duplicatePort(pathText(first.path)),
      CONFIG_REMEDIES.changePort,
    ),
  )
}

/** Meters: known line, known model, an address of the right kind used once, settings the model can talk. */
export function checkMeters(draft: Draft): ConfigIssue[] {
  return [
    ...duplicates(draft, draft.meters, (meter) => meter.id),
    ...duplicateAddresses(draft),
    ...draft.meters.flatMap((entry) => checkMeter(draft, entry)),
  ]
}

function checkMeter(draft: Draft, { path, value: meter }: Entry<MeterEntry>): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  if (!draft.lineIds.includes(meter.line))
    issues.push(issueAt(draft, [...path, 'line'], CONFIG_PROBLEMS.unknownLine, didYouMean(meter.line, draft.lineIds)))
  const profile = findProfile(meter.profile, draft.profiles)
  if (!profile) return [...issues, unknownProfile(draft, [...path, 'profile'], meter.profile)]
  const line = draft.lines.find(({ value }) => value.id === meter.line)
  return [
    ...issues,
    ...checkAddress(draft, path, meter, profile),
    ...(line ? checkWire(draft, path, meter, line, profile) : []),
    ...checkRatios(draft, path, meter, profile),
  ]
}

function unknownProfile(draft: Draft, path: ConfigPath, name: string): ConfigIssue {
  const names = draft.profiles.flatMap((profile) =>
    [profile.id, ...profile.aliases, ...profile.models].map((known) => ({ known, id: profile.id })),
  )
  const near = nearest(
    name,
    names.map(({ known }) => known),
    6,
  )
  const ids = [...new Set(near.map((known) => names.find((each) => each.known === known)?.id ?? known))].slice(0, 3)
  return issueAt(
    draft,
    path,
    CONFIG_PROBLEMS.unknownProfile,
    ids.length > 0 ? CONFIG_REMEDIES.nearModels(ids) : CONFIG_HINTS.profile,
  )
}

/** Modbus wants `unit`, DL/T 645 wants `address`. */
function checkAddress(draft: Draft, path: ConfigPath, meter: MeterEntry, profile: MeterProfile): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const dlt645 = profile.protocol === 'dlt645'
  if (dlt645 && meter.unit !== undefined)
    issues.push(issueAt(draft, [...path, 'unit'], CONFIG_PROBLEMS.unitOnDlt645, CONFIG_REMEDIES.useAddress))
  else if (dlt645 && meter.address === undefined)
    issues.push(issueAt(draft, [...path, 'address'], CONFIG_PROBLEMS.addressMissing, CONFIG_HINTS.address))
  if (!dlt645 && meter.address !== undefined)
    issues.push(issueAt(draft, [...path, 'address'], CONFIG_PROBLEMS.addressOnModbus, CONFIG_REMEDIES.useUnit))
  else if (!dlt645 && meter.unit === undefined)
    issues.push(issueAt(draft, [...path, 'unit'], CONFIG_PROBLEMS.unitMissing, CONFIG_HINTS.unit))
  return issues
}

/** Speed, format and transport: what the line (or the meter's own `serial`) says against what the model can. */
function checkWire(
  draft: Draft,
  path: ConfigPath,
  meter: MeterEntry,
  line: Entry<LineConfig>,
  profile: MeterProfile,
): ConfigIssue[] {
  if (line.value.port.kind === 'modbus_tcp') {
    // The gateway at the other end does the serial side; its speed is set there.
    if (profile.protocol !== 'dlt645') return []
    return [issueAt(draft, [...path, 'line'], CONFIG_PROBLEMS.dlt645OverTcp, CONFIG_REMEDIES.serialOrTransparent)]
  }
  const own = (key: 'baud' | 'format'): ConfigPath =>
    meter.serial?.[key] === undefined ? [...line.path, key] : [...path, 'serial', key]
  const baud = meter.serial?.baud ?? line.value.baud
  const format: SerialFormat = meter.serial?.format ?? line.value.format
  const issues: ConfigIssue[] = []
  const bauds = ascending([profile.serial.baud, ...profile.serial.bauds])
  const formats = [...new Set([profile.serial.format, ...profile.serial.formats])]
  if (!bauds.includes(baud) && profile.serial.bauds.length > 0)
    issues.push(
      issueAt(draft, own('baud'), CONFIG_PROBLEMS.baudNotSupported(meter.id, profile.id), CONFIG_REMEDIES.bauds(bauds)),
    )
  else if (!bauds.includes(baud))
    issues.push(
      issueAt(
        draft,
        own('baud'),
        CONFIG_PROBLEMS.baudUncertain(meter.id, profile.serial.baud),
        CONFIG_REMEDIES.checkBaud,
        'warning',
      ),
    )
  if (!formats.includes(format) && profile.serial.formats.length > 0)
    issues.push(
      issueAt(
        draft,
        own('format'),
        CONFIG_PROBLEMS.formatNotSupported(meter.id, profile.id),
        CONFIG_REMEDIES.bauds(formats),
      ),
    )
  return issues
}

const ascending = <T extends number>(values: readonly T[]): T[] => [...new Set(values)].sort((a, b) => a - b)

function checkRatios(draft: Draft, path: ConfigPath, meter: MeterEntry, profile: MeterProfile): ConfigIssue[] {
  const given = (['ct', 'pt'] as const).filter((key) => meter[key] !== undefined)
  if (profile.values_are === 'secondary') {
    if (meter.ct !== undefined) return []
    const isInMeter = profile.protocol === 'modbus' && profile.ratio_registers?.ct !== undefined
    const problem = isInMeter ? CONFIG_PROBLEMS.ratioOnlyInMeter(profile.id) : CONFIG_PROBLEMS.ratioMissing(profile.id)
    return [{ ...issueAt(draft, path, problem, CONFIG_REMEDIES.writeRatio, 'warning'), value: undefined }]
  }
  const multiplied = given.filter((key) => meter[key]?.n !== 1 || meter[key]?.exp !== 0)
  return multiplied.map((key) =>
    issueAt(
      draft,
      [...path, key],
      CONFIG_PROBLEMS.ratioOnPrimary(profile.id),
      CONFIG_REMEDIES.removeLine(key),
      'warning',
    ),
  )
}

/** The same unit id on different lines is fine; on one line two meters would answer together. */
function duplicateAddresses(draft: Draft): ConfigIssue[] {
  const units = repeats(draft.meters, ({ line, unit }) => (unit === undefined ? undefined : `${line} ${unit}`))
  const addresses = repeats(draft.meters, ({ line, address }) =>
    address === undefined ? undefined : `${line} ${address}`,
  )
  return [
    ...units.map(({ entry, first }) =>
      issueAt(
        draft,
        [...entry.path, 'unit'],
        CONFIG_PROBLEMS.duplicateUnit(entry.value.line, first.value.id),
        CONFIG_REMEDIES.changeUnit,
      ),
    ),
    ...addresses.map(({ entry, first }) =>
      issueAt(
        draft,
        [...entry.path, 'address'],
        CONFIG_PROBLEMS.duplicateAddress(entry.value.line, first.value.id),
        CONFIG_REMEDIES.changeUnit,
      ),
    ),
  ]
}

/** One issue for each entry whose id an earlier one has. */
export function duplicates<T>(draft: Draft, list: readonly Entry<T>[], idOf: (value: T) => string): ConfigIssue[] {
  return repeats(list, idOf).map(({ entry, first }) =>
    issueAt(draft, [...entry.path, 'id'], CONFIG_PROBLEMS.duplicateId(pathText(first.path)), CONFIG_REMEDIES.rename),
  )
}

/** Entries whose key an earlier entry has already, each with that first one; no key, no repeat. */
function repeats<T>(
  list: readonly Entry<T>[],
  keyOf: (value: T) => string | undefined,
): { readonly entry: Entry<T>; readonly first: Entry<T> }[] {
  const seen = new Map<string, Entry<T>>()
  return list.flatMap((entry) => {
    const key = keyOf(entry.value)
    if (key === undefined) return []
    const first = seen.get(key)
    if (!first) seen.set(key, entry)
    return first ? [{ entry, first }] : []
  })
}

/** The nearest known name, or all of them. */
export function didYouMean(wrong: string, known: readonly string[]) {
  const [near] = nearest(wrong, known, 1)
  return near === undefined ? CONFIG_REMEDIES.oneOf(known) : CONFIG_REMEDIES.didYouMean(near)
}
