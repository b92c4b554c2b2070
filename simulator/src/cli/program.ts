import { createInterface } from 'node:readline'
import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { Command, Option } from 'commander'
import type { LineFaults } from '../fault/faults.js'
import { wallNow } from '../kernel/real-time.js'
import { Timeline } from '../kernel/timeline.js'
import { buildLine, DEFAULT_DELIVERY } from '../line/build-line.js'
import { SHIFT_PATTERNS } from '../plant/calendar.js'
import { type TruthReport, truthReport } from '../plant/truth-report.js'
import { VERSION } from '../version.js'
import { parseCommand } from './commands.js'
import { faultHelp, lineFault, type UnitFaultOption, unitFault } from './fault-options.js'
import { LineProcess, type LineProcessOptions } from './line-process.js'
import { instant, type PlantOptions, plantFrom, wholeNumber } from './options.js'

interface LineFlags extends PlantOptions {
  readonly hold?: boolean
  readonly truth?: boolean
  readonly link?: string
  readonly tcp?: number
  readonly rtuTcp?: number
  readonly strictGaps?: boolean
  readonly chunkMs: number
  readonly chunkTail: 'prompt' | 'late'
  readonly speedProbe: boolean
  readonly logAnswers?: boolean
  readonly exitWithInput?: boolean
  readonly json?: boolean
  readonly fault?: readonly UnitFaultOption[]
  readonly lineFault?: LineFaults
}

const print = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

/** The commands of `metergate-sim`. */
export function buildProgram(): Command {
  const program = new Command('metergate-sim')
    .version(VERSION)
    .description('Simulated meters on a real pty or TCP, with true byte timing and faults')
  withPlant(program.command('line').description('run the meters of a plant on one line until stopped'))
    .option('--hold', 'freeze the load: values stay constant, energy stands still')
    .option('--truth', 'print the truth every 10 seconds')
    .option('--link <path>', 'keep a symbolic link to the device there')
    .option('--tcp <port>', 'also serve Modbus TCP on 127.0.0.1 (0: any free port)', wholeNumber('--tcp', 0, 65_535))
    .option('--rtu-tcp <port>', 'also serve RTU over TCP', wholeNumber('--rtu-tcp', 0, 65_535))
    .option('--strict-gaps', 'meters ignore a request that follows other bytes by less than 3.5 characters')
    .option(
      '--chunk-ms <n>',
      'hand bytes over every n ms; 0: whole answers',
      wholeNumber('--chunk-ms', 0, 1000),
      DEFAULT_DELIVERY.chunkMs,
    )
    .addOption(
      new Option('--chunk-tail <how>', 'last bytes at once, or with the next chunk')
        .choices(['prompt', 'late'])
        .default('prompt'),
    )
    .option(
      '--fault <unit:what=value>',
      'a fault of one unit, e.g. 3:crc=0.1,late=0.05 or 3:dead; may be repeated',
      unitFault,
    )
    .option('--line-fault <what=probability>', 'faults of the wire, e.g. noise=0.001,echo=1', lineFault)
    .option('--no-speed-probe', 'trust --baud instead of asking the other end')
    .option('--log-answers', 'print every answer with the register instant (JSON lines)')
    .option('--exit-with-input', 'stop when standard input ends, so that no line outlives the script that started it')
    .option('--json', 'print JSON lines; takes commands as JSON lines on standard input either way')
    .addHelpText('after', faultHelp())
    .action((flags: LineFlags) => runLine(flags))
  withPlant(program.command('truth').description('print what is true at an instant'))
    .option('--at <instant>', 'ISO 8601 or milliseconds since 1970; default: now', instant)
    .option('--meter <id>', 'only this meter')
    .option('--json', 'print JSON')
    .action((flags: PlantOptions & { at?: number; meter?: string; json?: boolean }) => printTruth(flags))
  withPlant(program.command('plant').description('print the plant as JSON, to copy and change')).action(
    (flags: PlantOptions) => print(JSON.stringify(plantFrom(flags), undefined, 2)),
  )
  return program
}

function withPlant(command: Command): Command {
  return command
    .option('--plant <file>', 'a plant file (JSON), or demo', 'demo')
    .option('--seed <n>', 'seed of everything that is by chance', wholeNumber('--seed', 0, 0xffffffff))
    .option('--since <instant>', 'when the counters stood at their start readings', instant)
    .option('--baud <n>', 'speed of the line', wholeNumber('--baud', 300, 115_200))
    .addOption(new Option('--shifts <pattern>', 'working time of the demo plant').choices(SHIFT_PATTERNS))
}

async function runLine(flags: LineFlags): Promise<void> {
  const emit = (event: object): void => print(JSON.stringify(event))
  const options: LineProcessOptions = {
    spec: plantFrom(flags),
    hold: flags.hold ?? false,
    strictGaps: flags.strictGaps ?? false,
    delivery: { chunkMs: flags.chunkMs, tail: flags.chunkTail },
    probeSpeed: flags.speedProbe,
    logAnswers: flags.logAnswers ?? false,
    ...(flags.link === undefined ? {} : { link: flags.link }),
    ...(flags.tcp === undefined ? {} : { tcp: flags.tcp }),
    ...(flags.rtuTcp === undefined ? {} : { rtuTcp: flags.rtuTcp }),
    ...(flags.fault === undefined ? {} : { faults: flags.fault }),
    ...(flags.lineFault === undefined ? {} : { lineFaults: flags.lineFault }),
  }
  const line = new LineProcess(options, emit)
  const ready = await line.start()
  print(flags.json ? JSON.stringify(ready) : ready.path)
  const ticker = flags.truth ? setInterval(() => showTruth(line.truth(), flags.json), 10_000) : undefined
  if (flags.truth) showTruth(line.truth(), flags.json)
  const input = createInterface({ input: process.stdin })
  input.on('line', (text) => {
    const command = parseCommand(text)
    if ('error' in command) emit({ event: 'error', message: command.error })
    else line.handle(command)
  })
  const stop = (): void => {
    clearInterval(ticker)
    input.close()
    process.stdin.destroy()
    line.stop()
  }
  if (flags.exitWithInput) input.once('close', stop)
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
}

function printTruth(flags: PlantOptions & { at?: number; meter?: string; json?: boolean }): void {
  const at = flags.at ?? wallNow()
  const timeline = new Timeline()
  const { plant, meters } = buildLine({
    spec: plantFrom(flags),
    profiles: loadBuiltinProfiles(),
    scheduler: timeline,
    epochAt: () => at,
  })
  const wanted = meters.filter(({ spec }) => flags.meter === undefined || spec.id === flags.meter)
  showTruth(
    wanted.map((meter) => truthReport(plant, meter, at)),
    flags.json,
  )
}

function showTruth(reports: readonly TruthReport[], json: boolean | undefined): void {
  if (json) {
    print(JSON.stringify({ event: 'truth', meters: reports }))
    return
  }
  for (const report of reports) {
    const { meter, unit, epoch_ms, energy_register_kwh, energy_kwh, power_w, pieces } = report
    const energy = energy_kwh === null ? '' : `${energy_kwh} kWh (register ${energy_register_kwh ?? '-'})  `
    print(
      `${new Date(epoch_ms).toISOString()}  ${meter.padEnd(14)} unit ${unit.padEnd(4)} ${energy}${power_w.toFixed(1)} W  ${pieces} pieces`,
    )
  }
}
