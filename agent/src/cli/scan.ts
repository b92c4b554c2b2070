import { existsSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type MeterProfile, unreachable } from '@metergate/protocol'
import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { Command } from 'commander'
import { type LineSettings, settingsText } from '../bus/line-port.js'
import type { LineTools } from '../bus/line-tools.js'
import { loadConfig } from '../config/load.js'
import { formatPort, parsePort } from '../config/parse.js'
import { CLI } from '../i18n/cli-texts.js'
import { usedByDaemon } from '../i18n/line-down-texts.js'
import { both, type Localized } from '../i18n/localized.js'
import { SCAN } from '../i18n/scan-texts.js'
import { type ScanOptions, type ScanPort, scan, scanEstimate, scanPort } from '../meter/scan.js'
import { scanYaml } from '../meter/scan-config.js'
import type { FoundUnit, ScanEvent, ScanReport } from '../meter/scan-report.js'
import { type CliContext, CommandEnd } from './context.js'
import { ProgressBar } from './progress-bar.js'
import { type ScanFlags, scanOptions } from './scan-options.js'
import { printReport, timeText, whereText } from './scan-printed.js'

/** Settings of a serial server are made there; these are the usual ones, for time-outs only. */
const SERVER_SETTINGS: LineSettings = { baud: 9600, format: '8N1' }

/** `metergate scan`: which meters hang on the line, at which settings, and what they are. Only reads. */
export function scanCommand(cli: CliContext): Command {
  const { terminal } = cli
  const tools = cli.deps.lines
  const collect = (value: string, so: readonly string[]): string[] => [...so, value]
  return new Command('scan')
    .description(terminal.say(SCAN.cmdScan))
    .option('--port <port>', terminal.say(SCAN.optPort), collect, [])
    .option('--baud <list>', terminal.say(SCAN.optBaud))
    .option('--format <list>', terminal.say(SCAN.optFormat))
    .option('--units <list>', terminal.say(SCAN.optUnits))
    .option('--protocol <protocol>', terminal.say(SCAN.optProtocol))
    .option('--quick', terminal.say(SCAN.optQuick))
    .option('--full', terminal.say(SCAN.optFull))
    .option('--expect <count>', terminal.say(SCAN.optExpect))
    .option('--write <file>', terminal.say(SCAN.optWrite))
    .option('--json', terminal.say(CLI.optJson))
    .action(async (flags: ScanFlags) => {
      const options = scanOptions(cli, flags)
      if (flags.write !== undefined) refuseUnwritable(cli, flags.write)
      const ports = await scanPorts(cli, tools, flags, options)
      const report = await runScan(cli, tools, ports, options)
      if (flags.json) terminal.json(report)
      else printReport(cli, report, scanProfiles(cli))
      const file = flags.write ?? (flags.json ? undefined : await offeredFile(cli, report))
      if (file !== undefined) writeEntries(cli, file, report)
      if (report.found.length > 0) return
      // What is wrong with the ports has been said; about meters nothing is known.
      if (ports.every(({ name }) => report.troubles.some(({ port, kind }) => port === name && kind === 'line_down')))
        throw new CommandEnd(1)
      cli.fail(report.garbled.length > 0 ? SCAN.nothingNamed : SCAN.nothing)
    })
}

/** The shipped models and the technician's own; a configuration that is still wrong keeps nobody from scanning. */
function scanProfiles(cli: CliContext): readonly MeterProfile[] {
  const loaded = loadConfig({ file: cli.configFile(), env: cli.io.env })
  return loaded.ok ? loaded.value.profiles : loadBuiltinProfiles()
}

async function runScan(
  cli: CliContext,
  tools: LineTools,
  ports: readonly ScanPort[],
  options: ScanOptions,
): Promise<ScanReport> {
  const loaded = loadConfig({ file: cli.configFile(), env: cli.io.env })
  const profiles = scanProfiles(cli)
  const byDaemon = loaded.ok && (await cli.daemonRuns(loaded.value))
  const { probes, etaMs } = scanEstimate(ports, options, profiles)
  const names = ports.map(({ name }) => name)
  const bar = new ProgressBar(cli.io.err)
  bar.say(cli.terminal.say(SCAN.begins(names, probes, timeText(etaMs)[cli.language])))
  const parts = { clock: tools.clock, profiles, signal: cli.io.signal }
  for await (const event of scan(ports, options, parts)) {
    if (event.kind === 'done') {
      bar.end()
      return event.report
    }
    showEvent(cli, bar, event, byDaemon)
  }
  throw new Error('a scan ends with a report')
}

function showEvent(
  { terminal }: CliContext,
  bar: ProgressBar,
  event: Exclude<ScanEvent, { kind: 'done' }>,
  byDaemon: boolean,
): void {
  switch (event.kind) {
    case 'progress':
      bar.show(event.tried, event.total, `${terminal.say(timeText(event.etaMs))}  ${whereText(event)}`)
      break
    case 'heard':
      bar.say(terminal.say(SCAN.heard(whereText(event))))
      break
    case 'named':
      bar.say(terminal.say(verdictText(event.unit)))
      if (event.unit.isCrowded) bar.say(terminal.say(SCAN.crowded(whereText(event.unit))))
      break
    case 'garbled':
      bar.say(terminal.say(SCAN.garbled(whereText(event.garbled))))
      break
    case 'several':
      bar.say(terminal.say(SCAN.several(`${event.port} ${settingsText(event.settings)}`)))
      break
    case 'trouble': {
      const { port, kind, why } = event.trouble
      const text = kind === 'babble' ? SCAN.babble(port) : SCAN.lineDown(port, why)
      bar.say(terminal.say(byDaemon ? usedByDaemon(text) : text))
      break
    }
    default:
      unreachable(event)
  }
}

function verdictText(unit: FoundUnit): Localized {
  const { verdict, candidates } = unit.identification
  const [best] = candidates
  const ids = candidates.map(({ profile }) => profile)
  if (verdict === 'unsure') return SCAN.unsure(whereText(unit), ids)
  if (verdict === 'unknown' || !best) return SCAN.unknown(whereText(unit), ids)
  const names = both([best.title, ` (${best.profile})`], [best.title, ` (${best.profile})`])
  return { zh: SCAN.sure(whereText(unit), names.zh).zh, en: SCAN.sure(whereText(unit), names.en).en }
}

/** The usual configuration file, if there is none yet and the person at the keyboard wants it written. */
async function offeredFile(cli: CliContext, { found }: ScanReport): Promise<string | undefined> {
  const file = cli.configFile()
  if (!cli.io.ask || found.length === 0 || existsSync(file)) return undefined
  const answer = await cli.io.ask(`${cli.terminal.say(SCAN.offer(file))} `)
  return /^(y|yes|是)$/i.test(answer.trim()) ? file : undefined
}

/** Before the minutes of a scan, not after them. */
function refuseUnwritable(cli: CliContext, file: string): void {
  const folder = dirname(file)
  if (existsSync(file)) cli.fail(SCAN.fileExists(file), 2)
  if (!existsSync(folder)) cli.fail(SCAN.noFolder(file, folder), 2)
}

function writeEntries(cli: CliContext, file: string, report: ScanReport): void {
  if (report.found.length === 0) return
  try {
    writeFileSync(file, scanYaml(report.found, scanProfiles(cli), cli.language), { flag: 'wx' })
  } catch (error) {
    cli.fail(SCAN.notWritten(file, error instanceof Error ? error.message : String(error)))
  }
  cli.terminal.line(SCAN.written(file))
}

async function scanPorts(
  cli: CliContext,
  tools: LineTools,
  flags: ScanFlags,
  options: ScanOptions,
): Promise<ScanPort[]> {
  const names = flags.port.length > 0 ? flags.port : await tools.listPorts()
  if (names.length === 0) cli.fail(SCAN.noPorts)
  return names.map((name) => portOf(cli, tools, name, options))
}

function portOf(
  cli: CliContext,
  tools: LineTools,
  name: string,
  { bauds, formats: given, protocols }: ScanOptions,
): ScanPort {
  const address = parsePort(name) ?? cli.fail(SCAN.badPort(name), 2)
  const label = formatPort(address)
  if (address.kind === 'serial' && isNoDevice(address.path)) return cli.fail(SCAN.noDevice(name), 2)
  const fixed = { baud: bauds?.[0] ?? SERVER_SETTINGS.baud, format: given?.[0] ?? SERVER_SETTINGS.format }
  if (address.kind === 'modbus_tcp') {
    if (protocols?.every((protocol) => protocol === 'dlt645')) return cli.fail(SCAN.dlt645OverTcp(label), 2)
    const bus = tools.modbusTcp(address.host, address.port)
    return {
      name: label,
      settings: fixed,
      protocols: ['modbus'],
      open: () => ({
        read: (request, signal) => bus.read(request, signal),
        health: () => bus.health(),
        close: () => bus.close(),
        setUnit: () => undefined,
      }),
    }
  }
  const line =
    address.kind === 'serial'
      ? tools.line({ ...address, ...SERVER_SETTINGS })
      : tools.line({ kind: 'rtu_over_tcp', host: address.host, port: address.port })
  if (!line) return cli.fail(SCAN.badPort(name), 2)
  return scanPort(label, line, tools.clock, address.kind === 'serial' ? 'any' : fixed)
}

/** Something that is there and is no device: a folder, a file. What is not there, the line itself names. */
function isNoDevice(path: string): boolean {
  const there = statSync(path, { throwIfNoEntry: false })
  return there !== undefined && !there.isCharacterDevice()
}
