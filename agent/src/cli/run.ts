import { Command } from 'commander'
import { issueText } from '../config/issue.js'
import { CLI } from '../i18n/cli-texts.js'
import { createLogger } from '../system/logger.js'
import { type CliContext, CommandEnd } from './context.js'

/** `metergate run`: the daemon in the foreground, until SIGTERM. */
export function runCommand(cli: CliContext): Command {
  return new Command('run').description(cli.terminal.say(CLI.cmdRun)).action(async () => {
    const loaded = cli.load()
    cli.mustAgreeWithEnrolment(loaded)
    const { level, format } = loaded.config.log
    const logger = createLogger({ level, format, clock: cli.deps.clock })
    for (const warning of loaded.warnings) logger.warn(issueText(warning, cli.language))
    const code = await cli.deps.run(loaded, { logger, signal: cli.io.signal })
    if (code !== 0) throw new CommandEnd(1)
  })
}
