import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { LineCommand } from './commands.js'

const readySchema = z.object({
  event: z.literal('ready'),
  path: z.string(),
  link: z.string().nullable(),
  tcp: z.number().nullable(),
  rtu_tcp: z.number().nullable(),
  seed: z.number(),
  since: z.number(),
  hold_at: z.number().nullable(),
})
export type LineReady = z.infer<typeof readySchema>

const eventSchema = z.looseObject({ event: z.string() })
/** Anything the line says after it is ready: `answer`, or the reply to a command. */
export type LineChildEvent = z.infer<typeof eventSchema>

/**
 * `metergate-sim line` in a process of its own, so that its timing does not suffer from the program under test: for demos,
 * benches and rigs. Needs the package to be built. Dies with the process that started it.
 */
export class LineChild {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #onAnswer: (answer: LineChildEvent) => void
  /** Whoever waits for the next reply, in order; the first waits for `ready`. */
  readonly #waiting: ((event: LineChildEvent | undefined) => void)[] = []
  readonly #exited: Promise<number | null>

  /** `args` as on the command line after `line`; `onAnswer` gets each answer when `--log-answers` is among them. */
  constructor(args: readonly string[], onAnswer: (answer: LineChildEvent) => void = () => {}) {
    this.#onAnswer = onAnswer
    const main = fileURLToPath(new URL('../main.js', import.meta.url))
    this.#child = spawn(process.execPath, [main, 'line', '--json', '--exit-with-input', ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    createInterface({ input: this.#child.stdout }).on('line', (text) => this.#hear(text))
    this.#exited = new Promise((resolve) => {
      this.#child.on('exit', (code) => {
        resolve(code)
        for (const wake of this.#waiting.splice(0)) wake(undefined)
      })
    })
    this.#child.stdin.on('error', () => {})
  }

  /** Waits until the meters answer; throws when the line could not start (its message is on standard error). */
  async ready(): Promise<LineReady> {
    const parsed = readySchema.safeParse(await this.#next())
    if (!parsed.success) throw new Error('the simulated line did not start; see its message above')
    return parsed.data
  }

  /** Sends a command and waits for what came of it. */
  async command(command: LineCommand): Promise<LineChildEvent> {
    const reply = this.#next()
    this.#child.stdin.write(`${JSON.stringify(command)}\n`)
    const event = await reply
    if (!event) throw new Error(`the simulated line ended before it answered ${command.cmd}`)
    return event
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Stops it and waits for its end; gives the exit code. */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM')
    return this.#exited
  }

  #next(): Promise<LineChildEvent | undefined> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #hear(text: string): void {
    const parsed = eventSchema.safeParse(JSON.parse(text))
    if (!parsed.success) return
    if (parsed.data.event === 'answer') this.#onAnswer(parsed.data)
    else this.#waiting.shift()?.(parsed.data)
  }
}
