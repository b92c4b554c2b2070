import type { Clock, Result } from '@metergate/protocol'
import type { LineTools } from '../bus/line-tools.js'
import type { LoadedConfig } from '../config/load.js'
import type { ControlFault, ControlHandlers } from '../control/calls.js'
import type { Localized } from '../i18n/localized.js'
import type { CloudUrl } from '../sync/cloud-url.js'
import type { EnrolFault } from '../sync/enrol.js'
import type { KeyFault } from '../sync/signature.js'
import type { Logger } from '../system/logger.js'

/** What the commands need from the rest of the agent; the composition provides it. */
export interface CliDeps {
  readonly clock: Clock
  /** Program version, as `--version` prints it. */
  readonly version: string
  /** Lines as `scan` and `doctor` look at them. */
  readonly lines: LineTools
  /** `metergate run`: works until `signal` aborts and everything is flushed; resolves with the exit code (0 clean, 1 failed). */
  run(loaded: LoadedConfig, parts: { readonly logger: Logger; readonly signal: AbortSignal }): Promise<number>
  /**
   * The same calls without a daemon: opens the line or the store only when a call needs it, and takes the store's lock.
   * Used only after the daemon's socket proved dead.
   */
  local(loaded: LoadedConfig): LocalGateway
  /** Makes or reads the key in `folder`, enrols, and keeps the gateway's id there. */
  enrol(request: EnrolCommand): Promise<Result<Enrolled, EnrolCommandFault>>
  /** How busy each line will be; left out while nobody can say. */
  budget?(loaded: LoadedConfig): readonly LineBudget[]
}

export interface LocalGateway {
  readonly handlers: ControlHandlers
  close(): Promise<void>
}

export interface EnrolCommand {
  readonly cloud: CloudUrl
  readonly code: string
  readonly folder: string
  readonly name: string | undefined
}

export interface Enrolled {
  readonly gateway: string
  readonly name: string
}

/** `folder`: the data folder cannot hold the key or the identity. */
export type EnrolCommandFault =
  | EnrolFault
  | KeyFault
  | { readonly kind: 'folder'; readonly folder: string; readonly why: string }

export interface LineBudget {
  readonly line: string
  /** Share of the line's time the polls take, per mille. */
  readonly loadPerMille: number
  /** What it needs, which meter takes longest, and what would help. */
  readonly why: Localized
}

/** The process around the commands: replaced in tests. */
export interface CliIo {
  readonly out: Output
  readonly err: Output
  readonly env: Readonly<Record<string, string | undefined>>
  /** Asks a person; undefined where nobody can be asked. */
  readonly ask: ((question: string) => Promise<string>) | undefined
  /** Aborts on SIGTERM and SIGINT. */
  readonly signal: AbortSignal
}

export interface Output {
  write(text: string): void
  readonly isTerminal: boolean
}

export type { ControlFault }
