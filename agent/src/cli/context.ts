import { existsSync } from 'node:fs'
import { type Result, unreachable } from '@metergate/protocol'
import { type ConfigIssue, issueText } from '../config/issue.js'
import { type LoadedConfig, loadConfig } from '../config/load.js'
import type { ControlAnswers, ControlCall, ControlRequests } from '../control/calls.js'
import { ControlClient, type ControlClientFault } from '../control/client.js'
import { controlSocketPath } from '../control/socket-path.js'
import { CLI } from '../i18n/cli-texts.js'
import { ENERGY } from '../i18n/energy-texts.js'
import { type Language, type Localized, same } from '../i18n/localized.js'
import { cloudIssue } from '../identity.js'
import type { CliDeps, CliIo } from './ports.js'
import { Terminal } from './terminal.js'

/** 0 ok, 1 the operation failed, 2 bad usage or configuration, 130 and 143 broken off by Ctrl-C and SIGTERM. */
export type ExitCode = 0 | 1 | 2 | 130 | 143

const ABOUT_THE_DAEMON: ReadonlySet<ControlCall> = new Set(['status', 'clock', 'clock_confirm'])
const PLACES = ['metergate.yaml', '/etc/metergate/metergate.yaml']

/** The file `--config` or METERGATE_CONFIG names, else the first usual place that has one. */
export function configFileOf(named: string | undefined, io: Pick<CliIo, 'env'>): string {
  const [first = 'metergate.yaml'] = PLACES
  return named ?? io.env.METERGATE_CONFIG ?? PLACES.find((file) => existsSync(file)) ?? first
}

/** Ends a command early; what was wrong has been said already. */
export class CommandEnd extends Error {
  constructor(readonly code: ExitCode) {
    super(`exit ${code}`)
  }
}

/** What every command works with. */
export class CliContext {
  readonly terminal: Terminal

  constructor(
    readonly io: CliIo,
    readonly deps: CliDeps,
    readonly language: Language,
    private readonly named: string | undefined,
  ) {
    this.terminal = new Terminal(io, language)
  }

  configFile(): string {
    return configFileOf(this.named, this.io)
  }

  /** The checked configuration; otherwise says every error and ends with 2. */
  load(): LoadedConfig {
    const loaded = loadConfig({ file: this.configFile(), env: this.io.env })
    if (loaded.ok) return loaded.value
    for (const issue of loaded.fault) this.show(issue)
    throw new CommandEnd(2)
  }

  /** An error as it is; a warning with that word before it, because colour alone is lost in a file or a pipe. */
  show(issue: ConfigIssue): void {
    const text = issueText(issue, this.language)
    if (issue.severity === 'error') this.terminal.error(text)
    else this.terminal.warn(`${this.terminal.say(CLI.warningMark)}${text}`)
  }

  /** Ends with 2 when the configured cloud is not the one this box was enrolled with. */
  mustAgreeWithEnrolment(loaded: LoadedConfig): void {
    const issue = cloudIssue(loaded, this.io.env)
    if (issue) this.fail(same(issueText(issue, this.language)), 2)
  }

  /** Whether `metergate run` serves this data folder now. */
  async daemonRuns(loaded: LoadedConfig): Promise<boolean> {
    const client = new ControlClient(controlSocketPath(loaded.config.store.folder), this.deps.clock)
    const answer = await client.ask('status', {})
    return answer.ok || answer.fault.kind !== 'not_running'
  }

  /** Says what is wrong and ends the command. */
  fail(text: Localized, code: ExitCode = 1): never {
    this.terminal.error(text)
    throw new CommandEnd(code)
  }

  /** Asks the running daemon; without one does it here, except for what is about the daemon itself. */
  async ask<C extends ControlCall>(
    loaded: LoadedConfig,
    call: C,
    request: ControlRequests[C],
  ): Promise<ControlAnswers[C]> {
    const client = new ControlClient(controlSocketPath(loaded.config.store.folder), this.deps.clock)
    const answer: Result<ControlAnswers[C], ControlClientFault> = await client.ask(call, request)
    if (answer.ok) return answer.value
    if (answer.fault.kind !== 'not_running' || ABOUT_THE_DAEMON.has(call)) return this.fail(faultText(answer.fault))
    if (call === 'read') this.terminal.warn(CLI.directRead)
    const local = this.deps.local(loaded)
    try {
      const here = await local.handlers[call](request, this.io.signal)
      return here.ok ? here.value : this.fail(faultText(here.fault))
    } finally {
      await local.close()
    }
  }
}

function faultText(fault: ControlClientFault): Localized {
  switch (fault.kind) {
    case 'not_running':
      return CLI.notRunning(fault.path)
    case 'not_permitted':
      return CLI.notPermitted(fault.path)
    case 'silent':
      return CLI.silent(fault.waitedMs)
    case 'strange_answer':
      return CLI.strangeAnswer(fault.why)
    case 'unknown_meter':
    case 'unknown_product':
      return CLI.daemonLacks(fault.why)
    case 'unknown_entry':
      return CLI.unknownEntry(fault.why)
    case 'bad_request':
      return CLI.notUnderstood(fault.why)
    case 'register':
      return ENERGY.oldEndContradicts(fault.why)
    case 'line':
      return CLI.lineFault(fault.why)
    case 'store':
      return storeText(fault.why)
    case 'failed':
      return CLI.failed(fault.why)
    default:
      return unreachable(fault)
  }
}

/** A store that is not there yet is no store that fails. */
function storeText(why: string): Localized {
  const folder = /^there is no store in (.+)$/.exec(why)?.[1]
  return folder === undefined ? CLI.storeFault(why) : CLI.noStore(folder)
}
