import type { EpochMs } from '@metergate/protocol'
import { Command } from 'commander'
import type { LoadedConfig } from '../config/load.js'
import { PlantZone, type Slot } from '../energy/plant-time.js'
import { intervalMinutes } from '../flow/meter-setup.js'
import { CLI } from '../i18n/cli-texts.js'
import { CLOCK } from '../i18n/clock-texts.js'
import { ENERGY } from '../i18n/energy-texts.js'
import type { CliContext } from './context.js'
import { energyCsv, NOT_FOR_SETTLEMENT } from './energy-csv.js'
import { printEnergy } from './energy-tables.js'
import { daySpan, monthSpan, parseDate, shiftSpan, today, weekSpan } from './times.js'

interface EnergyOptions {
  today?: boolean
  day?: string | true
  date?: string
  week?: string | true
  month?: string | true
  shift?: string
  json?: boolean
  csv?: boolean
}

/** `metergate energy`: energy per meter and per product over a day, week, month or shift. */
export function energyCommand(cli: CliContext): Command {
  const { terminal } = cli
  return new Command('energy')
    .description(terminal.say(CLI.cmdEnergy))
    .option('--today', terminal.say(CLI.optToday))
    .option('--day [date]', terminal.say(ENERGY.optDay))
    .option('--date <date>', terminal.say(CLI.optDate))
    .option('--week [date]', terminal.say(CLI.optWeek))
    .option('--month [month]', terminal.say(CLI.optMonth))
    .option('--shift <id>', terminal.say(CLI.optShift))
    .option('--json', terminal.say(CLI.optJson))
    .option('--csv', terminal.say(CLI.optCsv))
    .action(async (options: EnergyOptions) => {
      if (options.json && options.csv) return cli.fail(CLI.jsonOrCsv, 2)
      const loaded = cli.load()
      const report = await cli.ask(
        loaded,
        'energy',
        closedPart(spanOf(cli, loaded, options), loaded, cli.deps.clock.wall()),
      )
      if (report.waiting_for && !options.json) terminal.warn(CLOCK.waits)
      if (options.json) terminal.json({ note: NOT_FOR_SETTLEMENT, ...report })
      else if (options.csv) terminal.print(energyCsv(report))
      else printEnergy(terminal, report)
    })
}

/** What is still to come is not missing: a span that is running ends with the last interval that has closed. */
function closedPart(span: Slot, { config }: LoadedConfig, now: EpochMs): Slot {
  const zone = new PlantZone(config.plant.timezone)
  const minutes = intervalMinutes(config)
  if (span.start > now || span.end <= now) return span
  const closed = zone.slot(now, minutes).start
  return { start: span.start, end: closed > span.start ? closed : zone.slot(span.start, minutes).end }
}

/** The span the options name; ends the command with 2 when they name none or two. */
function spanOf(cli: CliContext, loaded: LoadedConfig, options: EnergyOptions): Slot {
  const zone = new PlantZone(loaded.config.plant.timezone)
  const now = today(zone, cli.deps.clock.wall())
  const spans = [options.today, options.day, options.week, options.month].filter((each) => each !== undefined)
  if (spans.length > 1 || (spans.length === 1 && options.date !== undefined)) return cli.fail(CLI.oneSpan, 2)
  const date = (text: string | true | undefined) =>
    typeof text === 'string' ? (parseDate(text) ?? cli.fail(CLI.badDate(text), 2)) : now
  if (options.shift !== undefined) {
    if (options.week !== undefined || options.month !== undefined) return cli.fail(CLI.shiftOfDay, 2)
    const shifts = loaded.config.plant.shifts
    const shift = shifts.find(({ id }) => id === options.shift)
    const known = shifts.map(({ id }) => id)
    return shiftSpan(
      zone,
      date(options.date ?? options.day),
      shift ?? cli.fail(CLI.unknownShift(options.shift, known), 2),
    )
  }
  if (options.day !== undefined) return daySpan(zone, date(options.day))
  if (options.week !== undefined) return weekSpan(zone, date(options.week))
  if (options.month !== undefined) {
    const text = options.month === true ? `${now.year}-${String(now.month).padStart(2, '0')}` : options.month
    return monthSpan(zone, text) ?? cli.fail(CLI.badMonth(text), 2)
  }
  return daySpan(zone, date(options.date))
}
