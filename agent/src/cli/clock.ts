import { Command } from 'commander'
import type { LoadedConfig } from '../config/load.js'
import type { ClockAnswer } from '../control/clock-answer.js'
import { PlantZone } from '../energy/plant-time.js'
import { CLI } from '../i18n/cli-texts.js'
import { CLOCK, CLOCK_SOURCE_TEXTS } from '../i18n/clock-texts.js'
import type { CliContext } from './context.js'
import { uptimeText } from './format.js'
import { type Cell, facts } from './table.js'
import { formatInstant } from './times.js'

interface ConfirmOptions {
  within?: string
  yes?: boolean
  json?: boolean
}

/** `metergate clock`: what is known of the time, and the technician's word where nobody else gives one. */
export function clockCommand(cli: CliContext): Command {
  return new Command('clock')
    .description(cli.terminal.say(CLOCK.cmdClock))
    .addCommand(showCommand(cli), { isDefault: true })
    .addCommand(confirmCommand(cli))
}

function showCommand(cli: CliContext): Command {
  const { terminal } = cli
  return new Command('show')
    .description(terminal.say(CLOCK.cmdShow))
    .option('--json', terminal.say(CLI.optJson))
    .action(async (options: { json?: boolean }) => {
      const loaded = cli.load()
      const answer = await cli.ask(loaded, 'clock', {})
      if (options.json) terminal.json(answer)
      else printClock(cli, loaded, answer)
    })
}

function confirmCommand(cli: CliContext): Command {
  const { terminal } = cli
  return new Command('confirm')
    .description(terminal.say(CLOCK.cmdConfirm))
    .option('--within <seconds>', terminal.say(CLOCK.optWithin))
    .option('--yes', terminal.say(CLOCK.optYes))
    .option('--json', terminal.say(CLI.optJson))
    .action(async (options: ConfirmOptions) => {
      const within = withinOf(cli, options.within)
      const loaded = cli.load()
      const { boot, mono, wall } = await cli.ask(loaded, 'clock', {})
      const shown = formatInstant(zoneOf(loaded), wall, true)
      if (!options.yes) await mustBeRight(cli, shown, loaded)
      // What is shown is cut to the second.
      const answer = await cli.ask(loaded, 'clock_confirm', { boot, mono, wall, error_ms: within * 1000 + 500 })
      if (options.json) terminal.json(answer)
      else {
        const source = answer.evidence?.source ?? 'technician'
        if (source === 'technician') terminal.line(CLOCK.confirmed(shown, within))
        else terminal.line(CLOCK.betterKnown(CLOCK_SOURCE_TEXTS[source]))
      }
    })
}

/** The person looks at a good clock now: the instant that was shown counts, however long the answer takes. */
async function mustBeRight(cli: CliContext, shown: string, loaded: LoadedConfig): Promise<void> {
  if (!cli.io.ask) return cli.fail(CLOCK.needsYes, 2)
  const answer = await cli.io.ask(`${cli.terminal.say(CLOCK.isRight(shown, loaded.config.plant.timezone))} `)
  if (!/^(y|yes|是)$/i.test(answer.trim())) cli.fail(CLOCK.setFirst)
}

function withinOf(cli: CliContext, text = '1'): number {
  const seconds = /^\d{1,3}$/.test(text) ? Number(text) : 0
  return seconds >= 1 && seconds <= 600 ? seconds : cli.fail(CLOCK.badWithin(text), 2)
}

const zoneOf = ({ config }: LoadedConfig): PlantZone => new PlantZone(config.plant.timezone)
const seconds = (ms: number): string => (ms / 1000).toFixed(Math.abs(ms) < 10_000 ? 1 : 0)
const signed = (ms: number): string => `${ms >= 0 ? '+' : ''}${Math.round(ms)} ms`

function printClock({ terminal }: CliContext, loaded: LoadedConfig, answer: ClockAnswer): void {
  const { quality, evidence, dispute, offset_ms: offset } = answer
  const say = terminal.say.bind(terminal)
  const rows: [string, Cell][] = [
    [
      say(CLI.clock),
      quality === 'S' ? { text: say(CLI.clockKnown), paint: 'good' } : { text: say(CLI.clockUnknown), paint: 'warn' },
    ],
    [say(CLOCK.shows), `${formatInstant(zoneOf(loaded), answer.wall, true)}  ${loaded.config.plant.timezone}`],
  ]
  if (evidence) {
    const { source, age_ms: age, error_ms: error, off_by_ms: off } = evidence
    const ago = { zh: uptimeText(age, 'zh'), en: uptimeText(age, 'en') }
    rows.push([
      say(CLOCK.knownFrom),
      say(CLOCK.evidence(CLOCK_SOURCE_TEXTS[source], ago, seconds(Math.ceil(error / 100) * 100))),
    ])
    rows.push([say(CLOCK.offBy), signed(off)])
  } else rows.push([say(CLOCK.knownFrom), say(CLOCK.nobody)])
  if (offset !== null) rows.push([say(CLOCK.againstCloud), signed(offset)])
  if (dispute) {
    const { source, against, by_ms: by } = dispute
    const text = CLOCK.disputeOf(CLOCK_SOURCE_TEXTS[source], CLOCK_SOURCE_TEXTS[against], seconds(Math.abs(by)))
    rows.push([say(CLOCK.dispute), { text: say(text), paint: 'warn' }])
  }
  terminal.print(facts(rows, terminal.paint))
  if (answer.waiting_for) terminal.line(terminal.paint.warn(say(CLOCK.waits)))
  else if (quality === 'U') terminal.line(CLOCK.datedAfterwards)
}
