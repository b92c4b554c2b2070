import { type DurationMs, durationMs } from '@metergate/protocol'
import { Command, InvalidArgumentError } from 'commander'

export interface DemoOptions {
  /** Ends by itself after this long, with the reconciliation table; undefined: until Ctrl-C. */
  readonly forMs: DurationMs | undefined
  /** Fills this much history before the live run. */
  readonly historyMs: DurationMs | undefined
  /** Stops the cloud for this long in the middle of the run. */
  readonly outageMs: DurationMs | undefined
  readonly seed: number
  readonly port: number
  readonly language: 'zh' | 'en'
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

function duration(text: string): DurationMs {
  const match = /^(\d{1,6})(s|m|h|d)$/.exec(text)
  const unit = UNITS[match?.[2] ?? '']
  if (!match || unit === undefined) throw new InvalidArgumentError(`"${text}": write e.g. 90s, 10m, 7d`)
  return durationMs(Number(match[1]) * unit)
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError(`"${text}": write a whole number`)
  return Number(text)
}

function language(text: string): 'zh' | 'en' {
  if (text !== 'zh' && text !== 'en') throw new InvalidArgumentError(`"${text}": write zh or en`)
  return text
}

/** Reads the command line of `npm run demo -- …`; prints help or what is wrong and ends with 0 or 2. */
export function parseOptions(args: readonly string[]): DemoOptions {
  const command = new Command('npm run demo --')
    .description('a simulated plant on a real serial line, the agent, the cloud, and a page to look at')
    .option('--for <duration>', 'end after this long with a reconciliation table (e.g. 90s)', duration)
    .option('--history <duration>', 'first fill this much history in virtual time (e.g. 7d)', duration)
    .option('--outage <duration>', 'stop the cloud for this long in the middle (e.g. 60s)', duration)
    .option('--seed <n>', 'seed of the simulated plant', whole, 7)
    .option('--port <n>', 'port of the page and the API; another free one when taken', whole, 8080)
    .option('--lang <zh|en>', 'language of this terminal', language, process.env.LANG?.startsWith('zh') ? 'zh' : 'en')
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  command.parse(args, { from: 'user' })
  const given = command.opts<{
    for?: DurationMs
    history?: DurationMs
    outage?: DurationMs
    seed: number
    port: number
    lang: 'zh' | 'en'
  }>()
  return {
    forMs: given.for,
    historyMs: given.history,
    outageMs: given.outage,
    seed: given.seed,
    port: given.port,
    language: given.lang,
  }
}
