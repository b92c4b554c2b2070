import { readFileSync } from 'node:fs'
import { type Amount, epochMs, formatAmount, parseAmount, type Result } from '@metergate/protocol'
import { Command } from 'commander'
import type { LoadedConfig } from '../config/load.js'
import type { ProductionDeclaration, ProductionEntry } from '../control/calls.js'
import { PlantZone, type Slot } from '../energy/plant-time.js'
import { CLI, SOURCE_TEXTS } from '../i18n/cli-texts.js'
import { same } from '../i18n/localized.js'
import { type CliContext, CommandEnd } from './context.js'
import { amountText } from './format.js'
import { readDeclaration, readProductionCsv } from './production-input.js'
import { table } from './table.js'
import { daySpan, formatInstant, parseDate, today } from './times.js'

interface AddOptions {
  product?: string
  unit?: string
  from?: string
  to?: string
  shift?: string
  date?: string
  note?: string
  json?: boolean
}

/** `metergate production add|list|correct|import`: what was made, as people say it. */
export function productionCommand(cli: CliContext): Command {
  return new Command('production')
    .description(cli.terminal.say(CLI.cmdProduction))
    .addCommand(addCommand(cli))
    .addCommand(listCommand(cli))
    .addCommand(correctCommand(cli))
    .addCommand(importCommand(cli))
}

function addCommand(cli: CliContext): Command {
  const { terminal } = cli
  return new Command('add')
    .description(terminal.say(CLI.cmdProductionAdd))
    .argument('<count>', terminal.say(CLI.argCount))
    .option('--product <id>', terminal.say(CLI.optProductId))
    .option('--unit <unit>', terminal.say(CLI.optUnit))
    .option('--from <time>', terminal.say(CLI.optFrom))
    .option('--to <time>', terminal.say(CLI.optTo))
    .option('--shift <id>', terminal.say(CLI.optShift))
    .option('--date <date>', terminal.say(CLI.optDate))
    .option('--note <text>', terminal.say(CLI.optNote))
    .option('--json', terminal.say(CLI.optJson))
    .action(async (count: string, options: AddOptions) => {
      const loaded = cli.load()
      const declaration = readDeclaration({ ...options, count }, loaded, cli.deps.clock.wall())
      if (!declaration.ok) return cli.fail(declaration.fault, 2)
      const kept = await add(cli, loaded, [declaration.value])
      showEntries(cli, loaded, kept, options.json)
      if (!options.json) terminal.line(CLI.added(kept.length))
    })
}

/** Keeps the entries and warns of each earlier one over the same time: it may be right, when a shift was entered in parts. */
async function add(
  cli: CliContext,
  loaded: LoadedConfig,
  entries: readonly ProductionDeclaration[],
): Promise<readonly ProductionEntry[]> {
  if (entries.length === 0) return []
  const [first, ...others] = entries
  const span = others.reduce(
    (so, { start, end }) => ({ start: start < so.start ? start : so.start, end: end > so.end ? end : so.end }),
    { start: first?.start ?? epochMs(0), end: first?.end ?? epochMs(0) },
  )
  const before = await cli.ask(loaded, 'production_list', span)
  const kept = await cli.ask(loaded, 'production_add', { entries })
  const zone = new PlantZone(loaded.config.plant.timezone)
  for (const { entry, start, end } of before.filter((each) => entries.some((one) => overlaps(each, one))))
    cli.terminal.warn(CLI.overlap(entry, formatInstant(zone, start), formatInstant(zone, end)))
  return kept
}

const overlaps = (before: ProductionEntry, entry: ProductionDeclaration): boolean =>
  before.count !== null && before.product === entry.product && before.start < entry.end && before.end > entry.start

function listCommand(cli: CliContext): Command {
  const { terminal } = cli
  return new Command('list')
    .description(terminal.say(CLI.cmdProductionList))
    .option('--date <date>', terminal.say(CLI.optDate))
    .option('--from <date>', terminal.say(CLI.optFirstDay))
    .option('--to <date>', terminal.say(CLI.optLastDay))
    .option('--json', terminal.say(CLI.optJson))
    .action(async (options: { date?: string; from?: string; to?: string; json?: boolean }) => {
      const loaded = cli.load()
      const entries = await cli.ask(loaded, 'production_list', listSpan(cli, loaded, options))
      if (entries.length === 0 && !options.json) terminal.line(CLI.nothing)
      else showEntries(cli, loaded, entries, options.json)
    })
}

/** The given day, or whole days from `--from` up to and including `--to`; today when nothing is said. */
export function listSpan(
  cli: CliContext,
  loaded: LoadedConfig,
  options: { readonly date?: string; readonly from?: string; readonly to?: string },
): Slot {
  const zone = new PlantZone(loaded.config.plant.timezone)
  const now = today(zone, cli.deps.clock.wall())
  const date = (text: string | undefined) =>
    text === undefined ? now : (parseDate(text) ?? cli.fail(CLI.badDate(text), 2))
  const first = daySpan(zone, date(options.from ?? options.date))
  const last = daySpan(zone, date(options.to ?? options.date ?? options.from))
  const end = options.to === undefined && options.from !== undefined ? daySpan(zone, now).end : last.end
  return end > first.start ? { start: first.start, end } : cli.fail(CLI.badSpan, 2)
}

function correctCommand(cli: CliContext): Command {
  const { terminal } = cli
  return new Command('correct')
    .description(terminal.say(CLI.cmdProductionCorrect))
    .argument('<entry>', terminal.say(CLI.argEntry))
    .option('--count <count>', terminal.say(CLI.optCount))
    .option('--withdraw', terminal.say(CLI.optWithdraw))
    .requiredOption('--reason <text>', terminal.say(CLI.optReason))
    .option('--json', terminal.say(CLI.optJson))
    .action(async (entry: string, options: { count?: string; withdraw?: boolean; reason: string; json?: boolean }) => {
      const loaded = cli.load()
      if ((options.count === undefined) === (options.withdraw !== true)) return cli.fail(CLI.countOrWithdraw, 2)
      const count = options.count === undefined ? null : countOf(cli, options.count)
      const kept = await cli.ask(loaded, 'production_correct', { entry, count, reason: options.reason })
      if (options.json) terminal.json(kept)
      else terminal.line(CLI.corrected(kept.entry, kept.revision))
    })
}

function countOf(cli: CliContext, text: string): Amount {
  const count = parseAmount(text)
  return count && count.n >= 0 ? count : cli.fail(CLI.badCount(text), 2)
}

function importCommand(cli: CliContext): Command {
  const { terminal } = cli
  return new Command('import')
    .description(terminal.say(CLI.cmdProductionImport))
    .argument('<file>', `${terminal.say(CLI.argFile)}: ${terminal.say(CLI.importColumns)}`)
    .option('--dry-run', terminal.say(CLI.optDryRun))
    .option('--json', terminal.say(CLI.optJson))
    .action(async (file: string, options: { dryRun?: boolean; json?: boolean }) => {
      const loaded = cli.load()
      const entries = importedEntries(cli, loaded, file)
      if (options.dryRun) return terminal.line(CLI.wouldAdd(entries.length))
      const kept = await add(cli, loaded, entries)
      if (options.json) terminal.json(kept)
      else terminal.line(CLI.added(kept.length))
    })
}

/** All rows or none: half an import would be worse than none. */
function importedEntries(cli: CliContext, loaded: LoadedConfig, file: string): ProductionDeclaration[] {
  const rows = readProductionCsv(readText(cli, file), loaded, cli.deps.clock.wall())
  if (!rows.ok) return cli.fail(rows.fault, 2)
  const wrong = rows.value.filter(({ result }) => !result.ok)
  for (const { row, result } of wrong)
    if (!result.ok) cli.terminal.error(`${cli.terminal.say(CLI.row(row))}: ${cli.terminal.say(result.fault)}`)
  if (wrong.length > 0) return cli.fail(CLI.importErrors(wrong.length), 2)
  return rows.value.flatMap(({ result }) => kept(result))
}

const kept = <T>(result: Result<T, unknown>): T[] => (result.ok ? [result.value] : [])

function readText(cli: CliContext, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    cli.terminal.error(same(`${file}: ${error instanceof Error ? error.message : String(error)}`))
    throw new CommandEnd(2)
  }
}

function showEntries(
  { terminal }: CliContext,
  loaded: LoadedConfig,
  entries: readonly ProductionEntry[],
  json: boolean | undefined,
): void {
  if (json) {
    terminal.json(entries)
    return
  }
  const zone = new PlantZone(loaded.config.plant.timezone)
  const titles = [CLI.product, CLI.from, CLI.to, CLI.count, CLI.source, CLI.shift, CLI.entry, CLI.note]
  const rows = entries.map((entry) => [
    entry.product,
    formatInstant(zone, entry.start),
    formatInstant(zone, entry.end),
    entry.count ? `${formatAmount(entry.count)} ${entry.unit}` : amountText(null),
    terminal.say(SOURCE_TEXTS[entry.source]),
    entry.shift ?? '',
    entry.entry,
    entry.note ?? entry.reason ?? '',
  ])
  terminal.print(
    table(
      titles.map((title) => ({ title: terminal.say(title) })),
      rows,
      terminal.paint,
    ),
  )
}
