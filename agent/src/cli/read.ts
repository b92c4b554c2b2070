import { quantity } from '@metergate/protocol'
import { Command } from 'commander'
import type { MeterReadout } from '../control/calls.js'
import { PlantZone } from '../energy/plant-time.js'
import { ABSENCE_REMEDIES, ABSENCE_TEXTS, CLI } from '../i18n/cli-texts.js'
import { lineDownTexts } from '../i18n/line-down-texts.js'
import { both, type Localized } from '../i18n/localized.js'
import type { CliContext } from './context.js'
import { amountText } from './format.js'
import { type Cell, table } from './table.js'
import { formatInstant } from './times.js'

/** `metergate read METER`: one read now, through the daemon when it runs, else on the line itself. */
export function readCommand(cli: CliContext): Command {
  const { terminal } = cli
  return new Command('read')
    .description(terminal.say(CLI.cmdRead))
    .argument('<meter>', terminal.say(CLI.argMeter))
    .option('--raw', terminal.say(CLI.optRaw))
    .option('--json', terminal.say(CLI.optJson))
    .action(async (name: string, options: { raw?: boolean; json?: boolean }) => {
      const loaded = cli.load()
      const meters = loaded.config.meters.map(({ id }) => id)
      const meter = meters.find((id) => id === name) ?? cli.fail(CLI.unknownMeter(name, meters), 2)
      const readout = await cli.ask(loaded, 'read', { meter })
      if (options.json) terminal.json(readout)
      // Nothing came from the meter at all: one reason says more than a table of dashes, and a script should notice.
      if (!readout.values.some(({ value }) => value)) return cli.fail(nothingRead(readout))
      if (!options.json) printReadout(cli, readout, options.raw === true, loaded.config.plant.timezone)
    })
}

const inBrackets = (open: string, why: string | undefined, close: string): readonly (string | Localized)[] =>
  why === undefined ? [] : [open, whyTexts(why), close]

function whyTexts(why: string): Localized {
  const code = /^exception (\d+)$/.exec(why)?.[1]
  return code === undefined ? lineDownTexts(why) : CLI.exceptionCode(code)
}

function nothingRead({ meter, line, unit, values, why }: MeterReadout): Localized {
  const reason = values[0]?.absent ?? 'not_polled'
  const subject = `${meter} (${line}/${unit})`
  return both(
    [subject, '：', ABSENCE_TEXTS[reason], ...inBrackets('（', why, '）'), '。', ABSENCE_REMEDIES[reason]],
    [subject, ': ', ABSENCE_TEXTS[reason], ...inBrackets(' (', why, ')'), '; ', ABSENCE_REMEDIES[reason]],
  )
}

function printReadout({ terminal }: CliContext, readout: MeterReadout, raw: boolean, timezone: string): void {
  const at = formatInstant(new PlantZone(timezone), readout.at, true)
  const duration = `${Math.round(readout.duration_ms)} ms`
  terminal.line(`${readout.label}  ${readout.profile}  ${readout.line}/${readout.unit}  ${at}  ${duration}`)
  const titles = [CLI.quantity, CLI.value, CLI.unit, ...(raw ? [CLI.register, CLI.raw] : [])]
  const rows = readout.values.map((value): Cell[] => {
    const { unit, label } = quantity(value.quantity)
    const text: Cell = value.absent
      ? { text: terminal.say(ABSENCE_TEXTS[value.absent]), paint: 'bad' }
      : value.suspect
        ? { text: `${amountText(value.value)} (${terminal.say(CLI.suspect)})`, paint: 'warn' }
        : amountText(value.value)
    const where = raw ? [value.where ?? '', value.raw ?? ''] : []
    return [terminal.say(label), text, value.absent || unit === '1' ? '' : unit, ...where]
  })
  const columns = titles.map((title, index) => ({
    title: terminal.say(title),
    align: index === 1 ? ('right' as const) : ('left' as const),
  }))
  terminal.print(table(columns, rows, terminal.paint))
}
