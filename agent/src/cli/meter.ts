import { type Amount, type EpochMs, parseAmount } from '@metergate/protocol'
import { Command } from 'commander'
import { PlantZone } from '../energy/plant-time.js'
import { CLI } from '../i18n/cli-texts.js'
import { ENERGY } from '../i18n/energy-texts.js'
import type { CliContext } from './context.js'
import { formatInstant, parseInstant } from './times.js'

interface ExchangeOptions {
  at?: string
  newAt?: string
  oldEnd?: string
  newStart?: string
  ratio?: boolean
  json?: boolean
}

/** `metergate meter`: what a technician does to a meter and the figures must know of. */
export function meterCommand(cli: CliContext): Command {
  const { terminal } = cli
  return new Command('meter').description(terminal.say(ENERGY.cmdMeter)).addCommand(exchangeCommand(cli))
}

/**
 * `metergate meter exchange METER`: the segment of the old meter ends, that of the new one begins, and the event keeps both
 * registers as evidence. To be said within minutes of the new meter's first answer, before that is taken for a reset.
 */
function exchangeCommand(cli: CliContext): Command {
  const { terminal } = cli
  return new Command('exchange')
    .description(terminal.say(ENERGY.cmdMeterExchange))
    .argument('<meter>', terminal.say(CLI.argMeter))
    .option('--at <time>', terminal.say(ENERGY.optAt))
    .option('--old-end <kwh>', terminal.say(ENERGY.optOldEnd))
    .option('--new-start <kwh>', terminal.say(ENERGY.optNewStart))
    .option('--new-at <time>', terminal.say(ENERGY.optNewAt))
    .option('--ratio', terminal.say(ENERGY.optRatio))
    .option('--json', terminal.say(CLI.optJson))
    .action(async (name: string, options: ExchangeOptions) => {
      const loaded = cli.load()
      const { config } = loaded
      const entry = config.meters.find(({ id }) => id === name)
      const known = config.meters.map(({ id }) => id)
      const meter = entry?.id ?? cli.fail(CLI.unknownMeter(name, known), 2)
      const zone = new PlantZone(config.plant.timezone)
      const now = cli.deps.clock.wall()
      const at = instantOf(cli, zone, options.at) ?? now
      const newAt = instantOf(cli, zone, options.newAt) ?? at
      if (newAt < at) return cli.fail(ENERGY.newBeforeOld, 2)
      if (newAt > now) return cli.fail(ENERGY.futureExchange(formatInstant(zone, newAt), formatInstant(zone, now)), 2)
      const oldEnd = registerOf(cli, options.oldEnd)
      const newStart = registerOf(cli, options.newStart)
      const done = await cli.ask(loaded, 'meter_exchange', {
        meter,
        at,
        cause: options.ratio ? 'ratio_change' : 'meter_exchange',
        ...(oldEnd ? { old_end: imported(at, oldEnd) } : {}),
        ...(newStart ? { new_start: imported(newAt, newStart) } : {}),
      })
      if (options.json) terminal.json(done)
      else if (done.facts.late === true) terminal.warn(ENERGY.exchangedLate(meter))
      else if (typeof done.facts.suspect_intervals === 'number')
        terminal.warn(ENERGY.exchangedAfter(meter, done.facts.suspect_intervals))
      else terminal.line(ENERGY.exchanged(meter, secondsOf(done.facts.unmetered_s)))
    })
}

const secondsOf = (fact: unknown): number | undefined => (typeof fact === 'number' ? fact : undefined)

const imported = (at: EpochMs, value: Amount) => ({
  at,
  values: [{ quantity: 'energy_active_import_total' as const, value }],
})

function instantOf(cli: CliContext, zone: PlantZone, text: string | undefined): EpochMs | undefined {
  if (text === undefined) return undefined
  return parseInstant(zone, text, cli.deps.clock.wall()) ?? cli.fail(CLI.badInstant(text), 2)
}

function registerOf(cli: CliContext, text: string | undefined): Amount | undefined {
  if (text === undefined) return undefined
  const value = parseAmount(text)
  return value && value.n >= 0 ? value : cli.fail(ENERGY.badRegister(text), 2)
}
