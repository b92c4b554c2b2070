import { Command, CommanderError } from 'commander'
import { peekLanguage } from '../config/peek-language.js'
import { CLI } from '../i18n/cli-texts.js'
import { asLanguage, chooseLanguage, type Language, type Localized } from '../i18n/localized.js'
import { clockCommand } from './clock.js'
import { configCommand } from './config.js'
import { CliContext, CommandEnd, configFileOf, type ExitCode } from './context.js'
import { doctorCommand } from './doctor.js'
import { energyCommand } from './energy.js'
import { enrolCommand } from './enrol.js'
import { exportCommand } from './export.js'
import { initCommand } from './init.js'
import { meterCommand } from './meter.js'
import type { CliDeps, CliIo } from './ports.js'
import { Stopped } from './process-io.js'
import { productionCommand } from './production.js'
import { profilesCommand } from './profiles.js'
import { readCommand } from './read.js'
import { runCommand } from './run.js'
import { scanCommand } from './scan.js'
import { statusCommand } from './status.js'
import { Terminal } from './terminal.js'
import { usageText } from './usage-errors.js'
import { verifyCommand } from './verify.js'

/** Runs one command line (without node and the script's name). Never throws for what a person typed. */
export async function runCli(args: readonly string[], io: CliIo, deps: CliDeps): Promise<ExitCode> {
  const asked = optionValue(args, '--lang')
  const named = optionValue(args, '--config') ?? optionValue(args, '-c')
  const language = chooseLanguage(asked, io.env, peekLanguage(configFileOf(named, io)))
  const terminal = new Terminal(io, language)
  if (asked !== undefined && !asLanguage(asked)) {
    terminal.error(CLI.badLanguage(asked))
    return 2
  }
  const cli = new CliContext(io, deps, language, named)
  try {
    await createProgram(cli).parseAsync([...args], { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommandEnd) return error.code
    // Whoever pressed Ctrl-C knows why it ended.
    if (error instanceof Stopped) return error.exitCode
    if (!(error instanceof CommanderError)) throw error
    // Help and version were asked for and are no failure.
    if (error.exitCode === 0) return 0
    if (error.code !== 'commander.help') terminal.error(CLI.badUsage(usageText(error)))
    return 2
  }
}

/** Language and file are needed before the commands exist, so they are looked for by hand. */
function optionValue(args: readonly string[], name: string): string | undefined {
  const index = args.findIndex((arg) => arg === name || arg.startsWith(`${name}=`))
  const arg = args[index]
  if (arg === undefined) return undefined
  return arg === name ? args[index + 1] : arg.slice(name.length + 1)
}

export function createProgram(cli: CliContext): Command {
  const { terminal } = cli
  const say = terminal.say.bind(terminal)
  const program = new Command('metergate')
    .description(say(CLI.about))
    .version(cli.deps.version, '-V, --version', say(CLI.optVersion))
    .option('-c, --config <file>', say(CLI.optConfig))
    .option('--lang <language>', say(CLI.optLang))
  const commands = [
    runCommand,
    initCommand,
    configCommand,
    readCommand,
    statusCommand,
    clockCommand,
    energyCommand,
    productionCommand,
    meterCommand,
    enrolCommand,
    profilesCommand,
    scanCommand,
    doctorCommand,
    verifyCommand,
    exportCommand,
  ]
  for (const command of commands) program.addCommand(command(cli))
  for (const command of [program, ...descendants(program)]) configure(command, cli)
  return program
}

const descendants = (command: Command): Command[] => command.commands.flatMap((child) => [child, ...descendants(child)])

/** Our own words, our own output, and no process.exit. */
function configure(command: Command, { io, terminal, language }: CliContext): void {
  command
    .exitOverride()
    .helpOption('-h, --help', terminal.say(CLI.optHelp))
    .helpCommand(false)
    // --config and --lang may stand anywhere on the line.
    .configureOutput({
      writeOut: (text) => io.out.write(text),
      writeErr: (text) => io.err.write(text),
      outputError: () => undefined,
    })
    .configureHelp({ styleTitle: (title) => titleText(title, language) })
  if (command.parent) {
    command.option('-c, --config <file>', terminal.say(CLI.optConfig))
    command.option('--lang <language>', terminal.say(CLI.optLang))
  }
}

const TITLES: Readonly<Record<string, Localized>> = {
  'Usage:': CLI.usage,
  'Options:': CLI.options,
  'Arguments:': CLI.argumentsTitle,
  'Commands:': CLI.commands,
}

const titleText = (title: string, language: Language): string => TITLES[title]?.[language] ?? title
