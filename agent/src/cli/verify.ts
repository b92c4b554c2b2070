import { Command } from 'commander'
import type { StoreVerdict } from '../control/calls.js'
import { PlantZone } from '../energy/plant-time.js'
import { CLI } from '../i18n/cli-texts.js'
import { FINDING_TEXTS, GAP_REASON_TEXTS, STORE, STORE_EVENT_TEXTS } from '../i18n/store-texts.js'
import { type CliContext, CommandEnd } from './context.js'
import { formatInstant } from './times.js'

/** Findings and gaps shown on the screen; all of them are in `--json`. */
const SHOWN = 20

/** `metergate verify`: is everything in the local store as it was written? Ends with 1 when it is not. */
export function verifyCommand(cli: CliContext): Command {
  const { terminal } = cli
  return new Command('verify')
    .description(terminal.say(STORE.cmdVerify))
    .option('--json', terminal.say(CLI.optJson))
    .action(async (options: { json?: boolean }) => {
      const loaded = cli.load()
      const verdict = await cli.ask(loaded, 'verify', {})
      if (options.json) terminal.json(verdict)
      else printVerdict(cli, verdict, new PlantZone(loaded.config.plant.timezone))
      if (verdict.findings.length > 0 || verdict.file !== undefined) throw new CommandEnd(1)
    })
}

function printVerdict({ terminal }: CliContext, verdict: StoreVerdict, zone: PlantZone): void {
  const { batches, rows, findings, file, gaps, events } = verdict
  const { paint } = terminal
  if (file !== undefined) terminal.line(paint.bad(terminal.say(STORE.fileDamaged(file))))
  if (findings.length === 0 && file === undefined) terminal.line(paint.good(terminal.say(STORE.whole(batches, rows))))
  if (findings.length > 0) terminal.line(paint.bad(terminal.say(STORE.notWhole(findings.length, batches, rows))))
  for (const { stream, what, kind, number, last } of findings.slice(0, SHOWN))
    terminal.line(`  ${terminal.say(STORE.place(what, stream, number, last))}: ${terminal.say(FINDING_TEXTS[kind])}`)
  if (findings.length > SHOWN) terminal.line(`  ${terminal.say(STORE.more(findings.length - SHOWN))}`)
  const history = [
    ...events.map(({ stamp, code }) => ({ at: stamp.wall, text: terminal.say(STORE_EVENT_TEXTS[code]) })),
    ...gaps.map(({ stamp, stream, first, last, reason }) => ({
      at: stamp.wall,
      text: `${terminal.say(STORE.gap(stream, first, last))}: ${terminal.say(GAP_REASON_TEXTS[reason])}`,
    })),
  ]
  if (history.length === 0) return
  terminal.line(terminal.say(STORE.ownHistory))
  for (const { at, text } of history.slice(-SHOWN)) terminal.line(`  ${formatInstant(zone, at)}  ${text}`)
  if (history.length > SHOWN) terminal.line(`  ${terminal.say(STORE.more(history.length - SHOWN))}`)
}
