import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'

export interface ChildOptions {
  readonly name: string
  readonly script: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** All it prints goes here as well. */
  readonly logFile: string
}

/** One program of the demo in a process of its own; what it prints is kept in a log file. */
export class Child {
  readonly name: string
  readonly #process: ChildProcess
  readonly #listeners = new Set<(line: string) => void>()
  readonly #last: string[] = []
  readonly exited: Promise<number>

  constructor(options: ChildOptions) {
    this.name = options.name
    const log = createWriteStream(options.logFile, { flags: 'a' })
    this.#process = spawn(process.execPath, [options.script, ...options.args], {
      env: { ...process.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      // A group of its own: Ctrl-C in a terminal goes to the demo alone, which stops its programs in the right order.
      detached: true,
    })
    const onExit = (): void => void this.#process.kill()
    process.once('exit', onExit)
    this.#process.once('exit', () => process.off('exit', onExit))
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      if (!stream) continue
      createInterface({ input: stream }).on('line', (line) => {
        log.write(`${line}\n`)
        this.#last.push(line)
        if (this.#last.length > 15) this.#last.shift()
        for (const listener of this.#listeners) listener(line)
      })
    }
    this.exited = new Promise((resolve) => {
      this.#process.once('exit', (code, signal) => resolve(code ?? (signal === 'SIGKILL' ? 137 : 143)))
    })
  }

  onLine(listener: (line: string) => void): void {
    this.#listeners.add(listener)
  }

  /** Resolves with what `find` returns for the first line it accepts; rejects when the program ends before. */
  waitFor<T>(find: (line: string) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const listener = (line: string): void => {
        const found = find(line)
        if (found === undefined) return
        this.#listeners.delete(listener)
        resolve(found)
      }
      this.#listeners.add(listener)
      void this.exited.then((code) =>
        reject(new Error(`${this.name} ended with ${code} before it was ready:\n${this.#last.join('\n')}`)),
      )
    })
  }

  /** Asks it to stop and waits until it has. */
  stop(): Promise<number> {
    this.#process.kill('SIGTERM')
    return this.exited
  }
}

/** Runs a program to its end and returns what it printed; throws with its words when it failed. */
export async function runToEnd(options: ChildOptions): Promise<string> {
  const lines: string[] = []
  const child = new Child(options)
  child.onLine((line) => lines.push(line))
  const code = await child.exited
  if (code !== 0) throw new Error(`${options.name} ended with ${code}:\n${lines.join('\n')}`)
  return lines.join('\n')
}
