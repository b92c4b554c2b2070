import { enrolRequestSchema, unreachable } from '@metergate/protocol'
import { Command } from 'commander'
import { CLI } from '../i18n/cli-texts.js'
import { ENROL } from '../i18n/enrol-texts.js'
import type { Localized } from '../i18n/localized.js'
import { parseCloudUrl } from '../sync/cloud-url.js'
import type { CliContext } from './context.js'
import type { EnrolCommand, EnrolCommandFault } from './ports.js'

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
      const loaded = cli.load()
      const { config } = loaded
      const text = options.cloud ?? config.sync.cloud ?? cli.fail(CLI.cloudMissing, 2)
      const cloud = parseCloudUrl(text)
      if (!cloud.ok) return cli.fail(CLI.badCloud(text), 2)
      // Found out by `run` it would be too late: the code works once.
      if (config.sync.cloud !== undefined && config.sync.cloud !== cloud.value)
        return cli.fail(ENROL.otherCloud(cloud.value, config.sync.cloud), 2)
      if (!enrolRequestSchema.shape.code.safeParse(code).success) return cli.fail(ENROL.notACode(code), 2)
      const request = { cloud: cloud.value, code, folder: config.store.folder, name: options.name ?? config.plant.name }
      const enrolled = await cli.deps.enrol(request)
      if (!enrolled.ok) return cli.fail(enrolFaultText(enrolled.fault, request))
      if (options.json) return terminal.json(enrolled.value)
      terminal.line(ENROL.enrolled(enrolled.value.gateway, enrolled.value.name))
      terminal.line((await cli.daemonRuns(loaded)) ? ENROL.restart : ENROL.start)
    })
}

/** Why enrolment failed and what to do about it, in words. */
export function enrolFaultText(fault: EnrolCommandFault, { cloud, code, folder }: EnrolCommand): Localized {
  switch (fault.kind) {
    case 'refused':
      return refusalText(fault, { cloud, code, folder })
    case 'unreachable':
      return ENROL.unreachable(cloud, fault.why)
    case 'busy':
    case 'server_error':
      return ENROL.busy(cloud, fault.status)
    case 'redirect':
      return ENROL.notACloud(cloud, `→ ${fault.to}`)
    case 'malformed_answer':
      return ENROL.notACloud(cloud, `HTTP ${fault.status}: ${fault.why}`)
    case 'refused_gateway':
    case 'refused_batch':
      return ENROL.notACloud(cloud, fault.why)
    case 'conflict':
      return ENROL.refused(cloud, fault.why)
    case 'folder':
      return ENROL.folder(fault.folder, fault.why)
    case 'key_unreadable':
      return ENROL.key(folder, fault.why)
    default:
      return unreachable(fault)
  }
}

/** A code of a newer cloud is told with the cloud's own words. */
function refusalText(
  fault: { readonly code: string; readonly why: string },
  { cloud, code, folder }: Pick<EnrolCommand, 'cloud' | 'code' | 'folder'>,
): Localized {
  switch (fault.code) {
    case 'enrolment_code_unknown':
      return ENROL.unknownCode(code, cloud)
    case 'enrolment_code_used':
      return ENROL.usedCode(code, cloud)
    case 'enrolment_code_expired':
      return ENROL.expiredCode(code, cloud)
    case 'key_already_enrolled':
      return ENROL.knownKey(cloud, folder)
    case 'too_many_requests':
      return ENROL.tooMany(cloud)
    default:
      return ENROL.refused(cloud, `${fault.code}: ${fault.why}`)
  }
}
