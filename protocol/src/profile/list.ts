import type { MeterProfile } from './schema.js'

/** The meter list of the docs, in Markdown, from the profiles alone; one row each, ordered by maker and id. */
export function renderMeterList(profiles: readonly MeterProfile[]): string {
  const sorted = [...profiles].sort((a, b) => compareText(a.manufacturer, b.manufacturer) || compareText(a.id, b.id))
  return `${[
    '# Meters · 电表',
    '',
    `${profiles.length} profiles, one JSON file each in \`protocol/profiles/\`. This list is generated from them; a test fails when it is out of date.`,
    '',
    '| profile | models | protocol | serial | values | what to know |',
    '|---|---|---|---|---|---|',
    ...sorted.map(row),
    '',
    '`unverified`: the facts are thin (no two independent sources, no capture): compare the first readings with the display.',
    '`secondary`: multiplied by the CT and PT ratio given in the configuration (1 when it gives none). A ratio set in the meter is never multiplied by: `metergate scan` proposes it, `metergate doctor line` compares it.',
    '',
    ...sorted.flatMap(notes),
  ].join('\n')}\n`
}

function row(profile: MeterProfile): string {
  const { serial, items } = profile
  const verified = profile.unverified ? 'unverified' : ''
  const thin = items.filter((item) => item.unverified !== undefined).length
  const cells = [
    `[\`${profile.id}\`](#${profile.id})`,
    modelsText(profile),
    protocolText(profile),
    `${serial.baud} ${serial.format}${serial.unit === undefined ? '' : `, unit ${serial.unit}`}`,
    `${items.length}, ${profile.values_are}`,
    [verified, thin > 0 && !verified ? `${thin} values unverified` : ''].filter(Boolean).join(', '),
  ]
  return `| ${cells.map(escapeCell).join(' | ')} |`
}

/** The maker once, even where its name is part of the model's. */
function modelsText({ manufacturer, models }: MeterProfile): string {
  const names = models.map((model) =>
    model.startsWith(`${manufacturer} `) ? model.slice(manufacturer.length + 1) : model,
  )
  return `${manufacturer} ${names.join(', ')}`
}

function protocolText(profile: MeterProfile): string {
  if (profile.protocol === 'dlt645') return `DL/T 645-${profile.edition}`
  const order = profile.word_order === 'low_first' ? ', low word first' : ''
  return `Modbus ${profile.transports.join('/').toUpperCase()}, function ${profile.read_function}${order}`
}

function notes(profile: MeterProfile): string[] {
  return [
    `## ${profile.id}`,
    '',
    `${profile.title.zh} · ${profile.title.en}`,
    '',
    ...(profile.unverified ? [`- unverified: ${profile.unverified}`] : []),
    ...profile.quirks.flatMap(({ zh, en }) => [`- ${zh}`, `  ${en}`]),
    ...profile.conflicts.map((conflict) => `- sources disagree: ${conflict.what} Decided by: ${conflict.decided_by}`),
    `- sources: ${profile.sources.map((source) => `\`${source}\``).join('; ')}`,
    '',
  ]
}

const escapeCell = (text: string): string => text.replaceAll('|', '\\|')
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
