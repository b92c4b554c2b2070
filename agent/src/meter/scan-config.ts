import type { MeterProfile } from '@metergate/protocol'
import { type LineSettings, sameSettings } from '../bus/line-port.js'
import type { Language, Localized } from '../i18n/localized.js'
import { SCAN } from '../i18n/scan-texts.js'
import type { FoundUnit, SetRatios } from './scan-report.js'

/** 25 kA to 5 A. */
const MOST_RATIO = 5000

interface Named {
  readonly id: string
  readonly line: string
  readonly unit: FoundUnit
}

/**
 * Configuration entries for what was found: one line per port at the settings most meters there have, one meter per unit, its own
 * `serial` where it differs. What is not certain is said in a comment beside it; a unit without a name is commented out.
 */
export function scanYaml(found: readonly FoundUnit[], profiles: readonly MeterProfile[], language: Language): string {
  const ports = [...new Set(found.map(({ port }) => port))]
  const lines = ports.map((port, index) => ({
    id: `line-${index + 1}`,
    port,
    settings: commonest(found.filter((unit) => unit.port === port).map(({ settings }) => settings)),
  }))
  const named = found.map((unit, index): Named => {
    const line = lines.find(({ port }) => port === unit.port)
    return { id: `meter-${index + 1}`, line: line?.id ?? 'line-1', unit }
  })
  return [
    'lines:',
    ...lines.flatMap(({ id, port, settings }) => [
      `  - id: ${id}`,
      `    port: ${quoted(port)}`,
      // A Modbus TCP device has no wire to set.
      ...(port.startsWith('modbus_tcp ')
        ? []
        : [`    baud: ${settings.baud}`, `    format: ${formatText(settings.format)}`]),
    ]),
    'meters:',
    ...named.flatMap((each) => {
      const line = lines.find(({ id }) => id === each.line)
      return meterEntry(each, line?.settings ?? each.unit.settings, profiles, (text) => text[language])
    }),
    '',
  ].join('\n')
}

function meterEntry(
  { id, line, unit }: Named,
  lineSettings: LineSettings,
  profiles: readonly MeterProfile[],
  say: (text: Localized) => string,
): string[] {
  const { at, settings, identification } = unit
  const { verdict, candidates } = identification
  const [best, ...others] = candidates
  const profile = profiles.find((each) => each.id === best?.profile)
  const isSame = sameSettings(settings, lineSettings)
  const hasAddress = at.protocol === 'modbus' || at.address !== undefined
  const entry = [
    `  - id: ${id}`,
    `    line: ${line}`,
    `    profile: ${profile?.id ?? 'MODEL'}${profile ? `   # ${profile.title.zh} · ${profile.title.en}` : ''}`,
    at.protocol === 'modbus' ? `    unit: ${at.unit}` : `    address: "${at.address ?? '000000000000'}"`,
    ...(isSame ? [] : [`    serial: { baud: ${settings.baud}, format: ${formatText(settings.format)} }`]),
    ...(profile?.values_are === 'secondary' ? ratioLines(unit.ratios, say) : []),
  ]
  const crowd = unit.isCrowded ? [`  # ${say(SCAN.crowdedEntry)}`] : []
  const doubt = verdict === 'unsure' ? [`  # ${say(SCAN.orElse(others.map((each) => each.profile)))}`] : []
  if (verdict === 'unknown') return commentedOut([...crowd, `  # ${say(SCAN.unknownEntry)}`, ...entry])
  return hasAddress ? [...crowd, ...doubt, ...entry] : commentedOut([`  # ${say(SCAN.addressOnPlate)}`, ...entry])
}

/** A register at 1 is how a meter leaves the factory: it says nothing about a transformer outside, and neither does an absurd one. */
function ratioLines(ratios: SetRatios | undefined, say: (text: Localized) => string): string[] {
  const told = (['ct', 'pt'] as const).flatMap((key) => {
    const value = ratios?.[key]
    return value !== undefined && value > 1 && value <= MOST_RATIO
      ? [`    ${key}: ${value}   # ${say(SCAN.ratioFromMeter)}`]
      : []
  })
  const isCtTold = told.some((line) => line.startsWith('    ct:'))
  return isCtTold ? told : [`    # ct: 200/5   # ${say(SCAN.writeCt)}`, ...told]
}

/** Still indented as an entry, so that taking the # away is all there is to do. */
const commentedOut = (lines: readonly string[]): string[] =>
  lines.map((line) => (line.startsWith('  #') ? line : `  # ${line.slice(2)}`))

function commonest(list: readonly LineSettings[]): LineSettings {
  const count = (settings: LineSettings): number => list.filter((each) => sameSettings(each, settings)).length
  return [...list].sort((a, b) => count(b) - count(a))[0] ?? { baud: 9600, format: '8N1' }
}

/** 8E1 is a number to YAML unless quoted. */
const formatText = (format: LineSettings['format']): string => (format === '8E1' ? '"8E1"' : format)

/** Plain where YAML reads it as text, else in quotes. */
const quoted = (text: string): string => (/^[/\w][\w./-]*$/.test(text) ? text : JSON.stringify(text))
