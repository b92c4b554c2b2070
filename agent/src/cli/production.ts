import { type Amount, formatAmount, parseAmount } from '@metergate/protocol'
import { Command } from 'commander'
import type { LoadedConfig } from '../config/load.js'
import type { ProductionEntry } from '../control/calls.js'
import { PlantZone, type Slot } from '../energy/plant-time.js'
import { CLI, SOURCE_TEXTS } from '../i18n/cli-texts.js'
import type { CliContext } from './context.js'
import { amountText } from './format.js'
import { importCommand } from './production-import.js'
import { readDeclaration } from './production-input.js'
import { entriesAround, warnOfOverlaps } from './production-overlap.js'
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
      const entries = [declaration.value]
      const before = await entriesAround(cli, loaded, entries)
      const kept = await cli.ask(loaded, 'production_add', { entries })
      warnOfOverlaps(cli, loaded, before, entries)
      showEntries(cli, loaded, kept, options.json)
      if (!options.json) terminal.line(CLI.added(kept.length))
    })
}

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
  if (options.date !== undefined && (options.from ?? options.to) !== undefined) return cli.fail(CLI.dateOrSpan, 2)
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
