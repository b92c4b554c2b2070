import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { rootFolder } from '../root.js'

/** The compiled programs, as a user starts them. */
export const PROGRAMS = {
  metergate: join(rootFolder(), 'agent/bin/metergate.js'),
  cloud: join(rootFolder(), 'cloud-api/bin/metergate-cloud.js'),
  simulator: join(rootFolder(), 'simulator/bin/metergate-sim.js'),
} as const
export type ProgramName = keyof typeof PROGRAMS

/** What a program was, when it had ended. */
export interface Ended {
  /** Exit code; 128 + the signal's number when a signal ended it. */
  readonly code: number
  readonly out: string
  readonly err: string
}

type Environment = Readonly<Record<string, string>>

/** One of our programs in a process of its own, with everything it has printed. */
export class Program {
  out = ''
  err = ''
  readonly #child: ChildProcess
  readonly #ended: Promise<Ended>

  constructor(
    readonly name: ProgramName,
    args: readonly string[],
    env: Environment = {},
    nodeOptions: readonly string[] = [],
  ) {
    // Neither language nor configuration of whoever runs the tests may show through.
    const { LANG: _lang, LC_ALL: _all, METERGATE_CONFIG: _config, ...clean } = process.env
    this.#child = spawn(process.execPath, [...nodeOptions, PROGRAMS[name], ...args], {
      env: { ...clean, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.out += text
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.err += text
    })
    this.#ended = once(this.#child, 'close').then(() => ({ code: this.#code(), out: this.out, err: this.err }))
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Waits until it has printed `text`; throws with its words when it ends or takes too long. */
  async says(text: string, withinMs = 60_000): Promise<void> {
    const until = Date.now() + withinMs
    while (!`${this.out}${this.err}`.includes(text)) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null || Date.now() > until)
        throw new Error(`${this.name} did not say "${text}": ${`${this.out}${this.err}`.slice(-1500)}`)
      await pause(20)
    }
  }

  /** Sends a signal and waits for the end. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.#child.kill(signal)
    return this.#ended
  }

  ended(): Promise<Ended> {
    return this.#ended
  }

  #code(): number {
    const { exitCode, signalCode } = this.#child
    return exitCode ?? (signalCode === 'SIGKILL' ? 137 : 143)
  }
}

/** Runs a program to its end. */
export const run = (name: ProgramName, args: readonly string[], env: Environment = {}): Promise<Ended> =>
  new Program(name, args, env).ended()

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Asks until `find` brings something; throws when that takes too long. */
export async function eventually<T>(
  what: string,
  find: () => Promise<T | undefined>,
  withinMs: number,
  everyMs = 200,
): Promise<T> {
  const until = Date.now() + withinMs
  for (;;) {
    const found = await find()
    if (found !== undefined) return found
    if (Date.now() > until) throw new Error(`${what}: not within ${withinMs} ms`)
    await pause(everyMs)
  }
}
