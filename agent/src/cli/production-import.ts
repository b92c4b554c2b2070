import { readFileSync } from 'node:fs'
import { type Amount, add, compare, formatAmount } from '@metergate/protocol'
import { Command } from 'commander'
import type { LoadedConfig } from '../config/load.js'
import type { ProductionDeclaration, ProductionEntry } from '../control/calls.js'
import { PlantZone } from '../energy/plant-time.js'
import { CLI } from '../i18n/cli-texts.js'
import type { CliContext } from './context.js'
import { decodeText } from './csv.js'
import { readProductionCsv } from './production-input.js'
import { entriesAround, overlaps, warnOfOverlaps } from './production-overlap.js'
import { table } from './table.js'
import { formatInstant } from './times.js'

interface PlannedRow {
  readonly line: number
  readonly entry: ProductionDeclaration
  /** The same was entered before, under this name: a file imported twice must not double what was made. */
  readonly already: string | undefined
}

/** `metergate production import`: a file of entries, all rows or none. */
export function importCommand(cli: CliContext): Command {
  const { terminal } = cli
  return new Command('import')
    .description(terminal.say(CLI.cmdProductionImport))
    .argument('<file>', `${terminal.say(CLI.argFile)}: ${terminal.say(CLI.importColumns)}`)
    .option('--dry-run', terminal.say(CLI.optDryRun))
    .option('--json', terminal.say(CLI.optJson))
    .action(async (file: string, options: { dryRun?: boolean; json?: boolean }) => {
      const loaded = cli.load()
      const rows = goodRows(cli, loaded, file)
      const before = await entriesAround(
        cli,
        loaded,
        rows.map(({ entry }) => entry),
      )
      const planned = rows.map((row) => ({ ...row, already: before.find((each) => isSame(each, row.entry))?.entry }))
      const fresh = planned.filter(({ already }) => already === undefined).map(({ entry }) => entry)
      const others = before.filter((each) => !planned.some(({ already }) => already === each.entry))
      if (options.dryRun) return showPlan(cli, loaded, planned, others, options.json === true)
      for (const { line, already } of planned) if (already) terminal.warn(CLI.alreadyKept(line, already))
      const kept = fresh.length > 0 ? await cli.ask(loaded, 'production_add', { entries: fresh }) : []
      warnOfOverlaps(cli, loaded, others, fresh)
      if (options.json) terminal.json(kept)
      else terminal.line(CLI.added(kept.length))
    })
}

/** All rows or none: half an import would be worse than none. */
function goodRows(cli: CliContext, loaded: LoadedConfig, file: string): Omit<PlannedRow, 'already'>[] {
  const rows = readProductionCsv(readText(cli, file), loaded, cli.deps.clock.wall())
  if (!rows.ok) return cli.fail(rows.fault, 2)
  const wrong = rows.value.filter(({ result }) => !result.ok)
  for (const { line, result } of wrong)
    if (!result.ok) cli.terminal.error(`${cli.terminal.say(CLI.row(line))}: ${cli.terminal.say(result.fault)}`)
  if (wrong.length > 0) return cli.fail(CLI.importErrors(wrong.length), 2)
  return rows.value.flatMap(({ line, result }) => (result.ok ? [{ line, entry: result.value }] : []))
}

const isSame = (before: ProductionEntry, entry: ProductionDeclaration): boolean =>
  before.product === entry.product &&
  before.start === entry.start &&
  before.end === entry.end &&
  before.count !== null &&
  compare(before.count, entry.count) === 0 &&
  before.shift === entry.shift

/** What an import would do: every row, what it meets, and the sums a person can set against the paper. */
function showPlan(
  cli: CliContext,
  loaded: LoadedConfig,
  rows: readonly PlannedRow[],
  before: readonly ProductionEntry[],
  isJson: boolean,
): void {
  const { terminal } = cli
  const zone = new PlantZone(loaded.config.plant.timezone)
  const meets = (row: PlannedRow): string[] => [
    ...before.filter((each) => overlaps(each, row.entry)).map(({ entry }) => entry),
    ...rows.filter((each) => each !== row && overlaps(each.entry, row.entry)).map(({ line }) => `#${line}`),
  ]
  const fresh = rows.filter(({ already }) => already === undefined)
  if (isJson) {
    const shown = rows.map((row) => ({
      line: row.line,
      ...row.entry,
      already: row.already ?? null,
      overlaps: meets(row),
    }))
    terminal.json({ dry_run: true, rows: shown, totals: totalsOf(fresh) })
    return
  }
  const titles = [CLI.fileLine, CLI.product, CLI.from, CLI.to, CLI.count, CLI.shift, CLI.remark]
  const cells = rows.map((row) => [
    String(row.line),
    row.entry.product,
    formatInstant(zone, row.entry.start),
    formatInstant(zone, row.entry.end),
    `${formatAmount(row.entry.count)} ${row.entry.unit}`,
    row.entry.shift ?? '',
    terminal.say(row.already ? CLI.remarkAlready(row.already) : CLI.remarkMeets(meets(row))),
  ])
  terminal.print(
    table(
      titles.map((title) => ({ title: terminal.say(title) })),
      cells,
      terminal.paint,
    ),
  )
  for (const { product, shift, count, unit } of totalsOf(fresh))
    terminal.line(CLI.importTotal(product, shift, `${formatAmount(count)} ${unit}`))
  terminal.line(CLI.wouldAdd(fresh.length))
}

interface Total {
  readonly product: string
  readonly shift: string | null
  readonly count: Amount
  readonly unit: string
}

function totalsOf(rows: readonly PlannedRow[]): Total[] {
  const totals = new Map<string, Total>()
  for (const { entry } of rows) {
    const { product, shift = null, unit, count } = entry
    const key = `${product} ${shift}`
    const known = totals.get(key)
    totals.set(key, { product, shift, unit, count: known ? add(known.count, count) : count })
  }
  return [...totals.values()]
}

function readText(cli: CliContext, file: string): string {
  try {
    return decodeText(readFileSync(file))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    const known = code === 'ENOENT' ? CLI.fileMissing(file) : code === 'EISDIR' ? CLI.fileIsFolder(file) : undefined
    return cli.fail(known ?? CLI.fileUnreadable(file, code), 2)
  }
}
