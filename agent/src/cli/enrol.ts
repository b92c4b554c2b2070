import { Command } from 'commander'
import { CLI } from '../i18n/cli-texts.js'
import { parseCloudUrl } from '../sync/cloud-url.js'
import type { CliContext } from './context.js'

/** `metergate enrol CODE`: makes this box a gateway of a cloud. */
export function enrolCommand(cli: CliContext): Command {
  const { terminal } = cli
  return new Command('enrol')
    .description(terminal.say(CLI.cmdEnrol))
    .argument('<code>', terminal.say(CLI.argCode))
    .option('--cloud <url>', terminal.say(CLI.optCloud))
    .option('--name <name>', terminal.say(CLI.optName))
    .option('--json', terminal.say(CLI.optJson))
    .action(async (code: string, options: { cloud?: string; name?: string; json?: boolean }) => {
      const { config } = cli.load()
      const text = options.cloud ?? config.sync.cloud ?? cli.fail(CLI.cloudMissing, 2)
      const cloud = parseCloudUrl(text)
      if (!cloud.ok) return cli.fail(CLI.badCloud(text), 2)
      const name = options.name ?? config.plant.name
      const enrolled = await cli.deps.enrol({ cloud: cloud.value, code, folder: config.store.folder, name })
      if (!enrolled.ok) return cli.fail(CLI.failed(enrolled.fault.why))
      if (options.json) terminal.json(enrolled.value)
      else terminal.line(CLI.enrolled(enrolled.value.gateway, enrolled.value.name))
    })
}
