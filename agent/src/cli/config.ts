import { type Amount, multiply } from '@metergate/protocol'
import { Command } from 'commander'
import type { LoadedConfig } from '../config/load.js'
import { formatPort } from '../config/parse.js'
import { CLI } from '../i18n/cli-texts.js'
import type { CliContext } from './context.js'
import { amountText, bytesText, durationText, shareText } from './format.js'
import type { LineBudget } from './ports.js'
import { facts, table } from './table.js'

const ONE: Amount = { n: 1, exp: 0 }

/** `metergate config check`: what the program understood, so that a technician sees his mistake before the meters do. */
export function configCommand(cli: CliContext): Command {
  const { terminal } = cli
  const check = new Command('check')
    .description(terminal.say(CLI.cmdConfigCheck))
    .option('--json', terminal.say(CLI.optJson))
    .action((options: { json?: boolean }) => {
      const loaded = cli.load()
      cli.mustAgreeWithEnrolment(loaded)
      if (options.json) return terminal.json(checked(cli, loaded))
      printConfig(cli, loaded)
    })
  return new Command('config').description(terminal.say(CLI.cmdConfig)).addCommand(check)
}

function checked({ deps }: CliContext, loaded: LoadedConfig): object {
  const budget = deps.budget?.(loaded)
  const { file, config, warnings } = loaded
  return { file, config, warnings, ...(budget ? { bus_budget: budget } : {}) }
}

function printConfig(cli: CliContext, loaded: LoadedConfig): void {
  const { terminal } = cli
  const { config } = loaded
  terminal.print(
    facts(
      [
        [terminal.say(CLI.plant), config.plant.name],
        [terminal.say(CLI.timezone), config.plant.timezone],
        [terminal.say(CLI.interval), durationText(config.plant.interval)],
        [terminal.say(CLI.storeFolder), config.store.folder],
        [terminal.say(CLI.cap), bytesText(config.store.cap)],
        [terminal.say(CLI.cloud), config.sync.cloud ?? terminal.say(CLI.noCloud)],
      ],
      terminal.paint,
    ),
  )
  const budget = cli.deps.budget?.(loaded)
  terminal.print(`\n${lineTable(cli, loaded, budget)}`)
  printBudget(cli, budget)
  terminal.print(`\n${meterTable(cli, loaded)}`)
  if (config.products.length > 0) terminal.print(`\n${productTable(cli, loaded)}`)
  terminal.line('')
  for (const warning of loaded.warnings) cli.show(warning)
  const tail = loaded.warnings.length > 0 ? `, ${terminal.say(CLI.warnings(loaded.warnings.length))}` : ''
  terminal.line(terminal.paint.good(`${terminal.say(CLI.configGood(loaded.file))}${tail}`))
}

/** Why the lines are as busy as they are, one line of text each. Also below `status`. */
export function printBudget({ terminal }: CliContext, budget: readonly LineBudget[] | undefined): void {
  for (const { line, why } of budget ?? []) terminal.line(`${line}: ${terminal.say(why)}`)
}

function lineTable({ terminal }: CliContext, loaded: LoadedConfig, budget: readonly LineBudget[] | undefined): string {
  const columns = [CLI.line, CLI.port, CLI.baud, CLI.format, CLI.meters, ...(budget ? [CLI.load] : [])]
  const rows = loaded.config.lines.map((line) => {
    const tcp = line.port.kind === 'modbus_tcp'
    const load = budget?.find((each) => each.line === line.id)?.loadPerMille
    return [
      line.id,
      formatPort(line.port),
      tcp ? '–' : String(line.baud),
      tcp ? '–' : line.format,
      String(loaded.config.meters.filter((meter) => meter.line === line.id).length),
      ...(load === undefined
        ? []
        : [{ text: shareText(load), paint: load > 800 ? ('bad' as const) : ('good' as const) }]),
    ]
  })
  return table(
    columns.map((title) => ({ title: terminal.say(title) })),
    rows,
    terminal.paint,
  )
}

function meterTable({ terminal }: CliContext, loaded: LoadedConfig): string {
  const columns = [CLI.meter, CLI.label, CLI.line, CLI.model, CLI.unitId, CLI.ratio, CLI.poll]
  const rows = loaded.config.meters.map((meter) => {
    const profile = loaded.meterProfiles.get(meter.id)
    const secondary = profile?.values_are === 'secondary'
    return [
      meter.id,
      meter.label ?? '',
      meter.line,
      profile?.id ?? meter.profile,
      meter.address ?? String(meter.unit ?? ''),
      secondary ? amountText(multiply(meter.ct ?? ONE, meter.pt ?? ONE)) : '1',
      `${durationText(meter.poll.power)} / ${durationText(meter.poll.energy)}`,
    ]
  })
  return table(
    columns.map((title) => ({ title: terminal.say(title) })),
    rows,
    terminal.paint,
  )
}

function productTable({ terminal }: CliContext, loaded: LoadedConfig): string {
  const columns = [CLI.product, CLI.label, CLI.unit, CLI.counter, CLI.perPulse, CLI.energyFrom]
  const rows = loaded.config.products.map(({ id, label, unit, counter, energy }) => [
    id,
    label ?? '',
    unit,
    counter ? `${counter.meter} ${counter.quantity}` : '–',
    counter
      ? counter.cavities === undefined
        ? amountText(counter.pieces_per_pulse ?? ONE)
        : String(counter.cavities)
      : '–',
    energy.join(', '),
  ])
  return table(
    columns.map((title) => ({ title: terminal.say(title) })),
    rows,
    terminal.paint,
  )
}
