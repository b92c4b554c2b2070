import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { type MeterProfile, toNumber } from '@metergate/protocol'
import { Command } from 'commander'
import type { LineTools } from '../bus/line-tools.js'
import type { LoadedConfig } from '../config/load.js'
import type { LineConfig, MeterEntry } from '../config/schema.js'
import { type Diagnosis, type DoctorEvent, type DoctorSubject, examineLine } from '../diagnosis/examine.js'
import type { Finding } from '../diagnosis/finding.js'
import type { SeenFrame } from '../diagnosis/frames.js'
import type { DoctorUnit } from '../diagnosis/unit-reads.js'
import { CLI } from '../i18n/cli-texts.js'
import { DOCTOR } from '../i18n/doctor-texts.js'
import { usedByDaemon } from '../i18n/line-down-texts.js'
import { same } from '../i18n/localized.js'
import { STORE } from '../i18n/store-texts.js'
import type { CliContext } from './context.js'
import { ProgressBar } from './progress-bar.js'

interface DoctorFlags {
  readonly raw?: boolean
  readonly json?: boolean
  readonly record?: string
}

/** `metergate doctor line`: listens, asks, and names what is wrong on a line and in the wiring of its meters. Only reads. */
export function doctorCommand(cli: CliContext): Command {
  const { terminal } = cli
  const tools = cli.deps.lines
  const line = new Command('line')
    .description(terminal.say(DOCTOR.cmdDoctorLine))
    .argument('[line]', terminal.say(DOCTOR.argLine))
    .option('--raw', terminal.say(DOCTOR.optRaw))
    .option('--record <file>', terminal.say(DOCTOR.optRecord))
    .option('--json', terminal.say(CLI.optJson))
    .action(async (name: string | undefined, flags: DoctorFlags) => {
      const loaded = cli.load()
      if (flags.record !== undefined && existsSync(flags.record)) cli.fail(DOCTOR.fileExists(flags.record), 2)
      const subject = subjectOf(cli, tools, loaded, name)
      if (flags.record !== undefined) mustBeWritable(cli, flags.record)
      const diagnosis = await withOwnDaemon(cli, loaded, await examine(cli, loaded.profiles, subject))
      if (flags.json) terminal.json(recordOf(cli, diagnosis))
      else printDiagnosis(cli, diagnosis, flags.raw === true)
      if (flags.record !== undefined) writeRecord(cli, flags.record, diagnosis)
      if (diagnosis.findings.some(({ severity }) => severity === 'problem')) cli.fail(DOCTOR.found(problems(diagnosis)))
    })
  return new Command('doctor').description(terminal.say(DOCTOR.cmdDoctor)).addCommand(line)
}

const problems = ({ findings }: Diagnosis): number => findings.filter(({ severity }) => severity === 'problem').length

function subjectOf(cli: CliContext, tools: LineTools, loaded: LoadedConfig, name: string | undefined): DoctorSubject {
  const { lines, meters } = loaded.config
  const ids = lines.map(({ id }) => id)
  const [first, ...others] = lines
  const wanted = name === undefined ? (others.length === 0 ? first : undefined) : lines.find(({ id }) => id === name)
  if (!wanted) return cli.fail(name === undefined ? DOCTOR.whichLine(ids) : DOCTOR.unknownLine(name, ids), 2)
  const { baud, format } = wanted
  const line = tools.line(addressOf(wanted)) ?? cli.fail(DOCTOR.noModbusTcp, 2)
  const units = meters.filter((meter) => meter.line === wanted.id).map((meter) => unitOf(meter, wanted, loaded))
  if (units.length === 0) return cli.fail(DOCTOR.noMeters(wanted.id), 2)
  return { name: wanted.id, line, settings: { baud, format }, units }
}

function addressOf({ port, baud, format }: LineConfig) {
  return port.kind === 'modbus_tcp' ? port : { ...port, baud, format }
}

function unitOf(meter: MeterEntry, { baud, format }: LineConfig, loaded: LoadedConfig): DoctorUnit {
  const profile = loaded.meterProfiles.get(meter.id)
  const at =
    meter.address === undefined
      ? { protocol: 'modbus' as const, unit: meter.unit ?? 1 }
      : { protocol: 'dlt645' as const, address: meter.address }
  return {
    name: meter.label === undefined ? meter.id : `${meter.id} (${meter.label})`,
    at,
    ...(meter.serial ? { settings: { baud: meter.serial.baud ?? baud, format: meter.serial.format ?? format } } : {}),
    ...(profile ? { profile } : {}),
    ...(meter.ct ? { configuredCt: toNumber(meter.ct) } : {}),
    ...(meter.pt ? { configuredPt: toNumber(meter.pt) } : {}),
    ...(meter.max_power_kw ? { mostW: toNumber(meter.max_power_kw) * 1000 } : {}),
  }
}

async function examine(cli: CliContext, profiles: readonly MeterProfile[], subject: DoctorSubject): Promise<Diagnosis> {
  const bar = new ProgressBar(cli.io.err)
  const parts = { clock: cli.deps.lines.clock, profiles, signal: cli.io.signal }
  const steps = subject.units.length * 2 + 1
  let step = 0
  for await (const event of examineLine(subject, parts)) {
    if (event.kind === 'done') {
      bar.end()
      return event.diagnosis
    }
    bar.show(event.kind === 'trying' ? step : step++, steps, cli.terminal.say(stepText(event)))
  }
  throw new Error('an examination ends with a diagnosis')
}

function stepText(event: Exclude<DoctorEvent, { kind: 'done' }>) {
  switch (event.kind) {
    case 'listening':
      return DOCTOR.listening(event.seconds)
    case 'asking':
      return DOCTOR.asking(event.unit)
    case 'trying':
      return DOCTOR.trying(event.unit, event.settings)
    case 'reading':
      return DOCTOR.reading(event.unit)
  }
}

function printDiagnosis(cli: CliContext, diagnosis: Diagnosis, raw: boolean): void {
  const { terminal } = cli
  if (raw) for (const frame of diagnosis.frames) terminal.line(frameLine(cli, frame))
  if (raw) terminal.line('')
  for (const finding of diagnosis.findings) printFinding(cli, finding)
}

const MARKS = { fine: '✓', note: '·', problem: '✗' } as const
const PAINTS = { fine: 'good', note: 'warn', problem: 'bad' } as const

function printFinding({ terminal }: CliContext, { severity, what, remedy }: Finding): void {
  const paint = terminal.paint[PAINTS[severity]]
  terminal.line(`${paint(MARKS[severity])} ${terminal.say(what)}`)
  if (severity !== 'fine')
    terminal.line(`  ${terminal.paint.faint(`${terminal.say(DOCTOR.remedy)}:`)} ${terminal.say(remedy)}`)
}

/** `   12.345 → 01 04 00 00 …  ask 1, function 4, …` */
function frameLine({ terminal }: CliContext, { atMs, direction, hex, text, kind }: SeenFrame): string {
  const seconds = (atMs / 1000).toFixed(3).padStart(9)
  const bytes = (hex.match(/../g) ?? []).join(' ')
  const words = terminal.say(text)
  return `${seconds} ${direction === 'out' ? '→' : '←'} ${bytes}  ${kind === 'stray' ? terminal.paint.bad(words) : terminal.paint.faint(words)}`
}

/** Everything a helper far away needs: no key, no address of the cloud, no reading beyond what passed on the wire. */
function recordOf({ deps }: CliContext, diagnosis: Diagnosis) {
  return {
    format: 'metergate-doctor/1',
    software: deps.version,
    at: new Date(deps.clock.wall()).toISOString(),
    ...diagnosis,
  }
}

/** Before minutes of examination, not after. */
function mustBeWritable(cli: CliContext, file: string): void {
  try {
    writeFileSync(file, '', { flag: 'wx' })
    rmSync(file)
  } catch (error) {
    cli.fail(STORE.cannotWrite(file, error instanceof Error ? error.message : String(error)), 2)
  }
}

/** The other program that has the port is most often our own. */
async function withOwnDaemon(cli: CliContext, loaded: LoadedConfig, diagnosis: Diagnosis): Promise<Diagnosis> {
  if (!diagnosis.findings.some(({ cause }) => cause === 'line_down') || !(await cli.daemonRuns(loaded)))
    return diagnosis
  return { ...diagnosis, findings: diagnosis.findings.map((each) => ({ ...each, what: usedByDaemon(each.what) })) }
}

function writeRecord(cli: CliContext, file: string, diagnosis: Diagnosis): void {
  try {
    writeFileSync(file, `${JSON.stringify(recordOf(cli, diagnosis), null, 1)}\n`, { flag: 'wx' })
  } catch (error) {
    cli.fail(same(`${file}: ${error instanceof Error ? error.message : String(error)}`))
  }
  cli.terminal.line(DOCTOR.recorded(file))
}
