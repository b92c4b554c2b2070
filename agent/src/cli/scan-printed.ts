import type { MeterProfile } from '@metergate/protocol'
import { settingsText } from '../bus/line-port.js'
import type { Localized } from '../i18n/localized.js'
import { SCAN } from '../i18n/scan-texts.js'
import { scanYaml } from '../meter/scan-config.js'
import type { FoundUnit, ScanReport, UnitAddress } from '../meter/scan-report.js'
import type { CliContext } from './context.js'
import { type Cell, facts, table } from './table.js'

/** So many reasons for a model are shown: the weightiest. */
const REASONS = 3

export function whereText({ port, settings, at }: Pick<FoundUnit, 'port' | 'settings' | 'at'>): string {
  return `${port} ${settingsText(settings)} ${addressText(at)}`
}

const addressText = (at: UnitAddress): string => (at.protocol === 'modbus' ? `${at.unit}` : (at.address ?? 'DL/T 645'))

/** Whole seconds below two minutes, minutes beyond. */
export function timeText(ms: number): Localized {
  return ms < 120_000 ? SCAN.seconds(Math.ceil(ms / 1000)) : SCAN.minutes(Math.ceil(ms / 60_000))
}

/** What a scan found: a table, why each meter is what it is said to be, and what to write into the configuration. */
export function printReport(cli: CliContext, report: ScanReport, profiles: readonly MeterProfile[]): void {
  const { terminal } = cli
  if (report.found.length > 0) {
    const columns = [SCAN.portTitle, SCAN.settingsTitle, SCAN.unitTitle, SCAN.answersIn, SCAN.modelTitle]
    const titles = columns.map((title) => ({ title: terminal.say(title) }))
    terminal.print(table(titles, report.found.map(rowOf), terminal.paint))
    terminal.line('')
    terminal.line(SCAN.because)
    terminal.print(
      facts(
        report.found.flatMap((unit) => reasonsOf(cli, unit, report)),
        terminal.paint,
      ),
    )
    terminal.line('')
  }
  const tail = report.complete ? '' : `, ${terminal.say(SCAN.stopped)}`
  terminal.line(
    `${terminal.say(SCAN.summary(report.found.length, report.probes, timeText(report.durationMs)[cli.language]))}${tail}`,
  )
  if (report.found.length === 0) return
  terminal.line('')
  terminal.line(SCAN.entries)
  terminal.print(scanYaml(report.found, profiles, cli.language))
}

function rowOf(unit: FoundUnit): Cell[] {
  const { verdict, candidates } = unit.identification
  const ids = candidates.map(({ profile }) => profile)
  const namedIds = verdict === 'sure' ? ids.slice(0, 1) : ids
  const model: Cell =
    verdict === 'sure' && !unit.isCrowded
      ? { text: ids[0] ?? '?', paint: 'good' }
      : { text: verdict === 'unknown' ? '?' : `${namedIds.join(' / ')} ?`, paint: 'warn' }
  return [unit.port, settingsText(unit.settings), addressText(unit.at), `${unit.turnaroundMs} ms`, model]
}

/** A line for each reason, so that they fit a terminal; the first one says whose they are. */
function reasonsOf({ terminal }: CliContext, unit: FoundUnit, { found }: ScanReport): [name: string, why: string][] {
  const isOnePort = found.every(({ port }) => port === unit.port)
  const name = isOnePort ? addressText(unit.at) : `${unit.port} ${addressText(unit.at)}`
  const reasons = unit.identification.candidates[0]?.evidence.slice(0, REASONS) ?? []
  return reasons.map((text, index) => [index === 0 ? name : '', terminal.say(text)])
}
