import { appendFileSync, existsSync, writeFileSync } from 'node:fs'
import { meterIdSchema } from '@metergate/protocol'
import { Command } from 'commander'
import type { LoadedConfig } from '../config/load.js'
import type { HistoryRequest } from '../control/calls.js'
import { CLI } from '../i18n/cli-texts.js'
import { STORE } from '../i18n/store-texts.js'
import { type ExportFormat, exportRecords } from '../store/export-records.js'
import type { CliContext } from './context.js'
import { listSpan } from './production.js'

interface ExportOptions {
  what: string
  date?: string
  from?: string
  to?: string
  meter?: string
  json?: boolean
  output?: string
}

type Wanted = Pick<HistoryRequest, 'stream' | 'kinds'>
const WHAT: Readonly<Record<string, readonly Wanted[]>> = {
  readings: [{ stream: 'detail' }],
  intervals: [{ stream: 'ledger', kinds: ['interval', 'unit_energy'] }],
  production: [{ stream: 'ledger', kinds: ['production'] }],
  events: [{ stream: 'ledger', kinds: ['event', 'anchor', 'gap'] }],
  all: [{ stream: 'ledger' }, { stream: 'detail' }],
}

/** `metergate export`: what this box has kept, as text that any program reads. Whole days of the plant's time. */
export function exportCommand(cli: CliContext): Command {
  const { terminal } = cli
  return new Command('export')
    .description(terminal.say(STORE.cmdExport))
    .option('--what <what>', terminal.say(STORE.optWhat), 'readings')
    .option('--date <date>', terminal.say(CLI.optDate))
    .option('--from <date>', terminal.say(CLI.optFirstDay))
    .option('--to <date>', terminal.say(CLI.optLastDay))
    .option('--meter <id>', terminal.say(STORE.optOnlyMeter))
    .option('--json', terminal.say(STORE.optJsonLines))
    .option('-o, --output <file>', terminal.say(STORE.optOutput))
    .action(async (options: ExportOptions) => {
      const loaded = cli.load()
      const write = writerOf(cli, options.output)
      let records = 0
      let isFirst = true
      for await (const page of pages(cli, loaded, requestsOf(cli, loaded, options))) {
        const lines = [...exportRecords(page, options.json ? 'json' : csvPart(isFirst))]
        if (lines.length > 0) write(`${lines.join('\n')}\n`)
        records += page.length
        isFirst = false
      }
      if (records === 0) mustKnowMeter(cli, loaded, options.meter)
      if (options.output !== undefined) terminal.line(STORE.exported(records, options.output))
    })
}

const csvPart = (isFirst: boolean): ExportFormat => (isFirst ? 'csv' : 'csv_rows')

function requestsOf(cli: CliContext, loaded: LoadedConfig, options: ExportOptions): readonly HistoryRequest[] {
  const known = Object.hasOwn(WHAT, options.what) ? WHAT[options.what] : undefined
  const wanted = known ?? cli.fail(STORE.badWhat(options.what, Object.keys(WHAT)), 2)
  const { start, end } = listSpan(cli, loaded, options)
  const meters = loaded.config.meters.map(({ id }) => id)
  const meter = options.meter === undefined ? undefined : meterIdSchema.safeParse(options.meter)
  // A meter that is no longer configured may well be in history, so only what cannot be a name is refused.
  if (meter && !meter.success) return cli.fail(CLI.unknownMeter(options.meter ?? '', meters), 2)
  return wanted.map((each) => ({ ...each, from: start, to: end, ...(meter ? { meter: meter.data } : {}) }))
}

function mustKnowMeter(cli: CliContext, { config }: LoadedConfig, name: string | undefined): void {
  const known = config.meters.map(({ id }) => id)
  if (name !== undefined && !known.some((id) => id === name)) cli.fail(STORE.unknownMeter(name, known), 2)
}

async function* pages(cli: CliContext, loaded: LoadedConfig, requests: readonly HistoryRequest[]) {
  for (const request of requests) {
    for (let begin: HistoryRequest['begin']; ; ) {
      const page = await cli.ask(loaded, 'history', { ...request, ...(begin ? { begin } : {}) })
      yield page.records
      begin = page.next
      if (!begin) break
    }
  }
}

/** Where the lines go: the screen, or a new file. */
function writerOf(cli: CliContext, file: string | undefined): (text: string) => void {
  if (file === undefined) return (text) => cli.terminal.print(text)
  if (existsSync(file)) return cli.fail(STORE.fileExists(file), 2)
  const tried = (work: () => void): void => {
    try {
      work()
    } catch (error) {
      cli.fail(STORE.cannotWrite(file, error instanceof Error ? error.message : String(error)))
    }
  }
  tried(() => writeFileSync(file, '', { flag: 'wx' }))
  return (text) => tried(() => appendFileSync(file, text))
}
