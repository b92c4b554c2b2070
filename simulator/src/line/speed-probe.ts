import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'

/**
 * Asks which speed the far side of a pty is set to. Node has no tcgetattr, so one small shell stays at hand and runs stty
 * when asked (about 2 ms, less than a request takes on the wire at 9600 baud).
 */
export class SpeedProbe {
  readonly #shell: ChildProcessByStdio<Writable, Readable, null>
  readonly #waiting: ((baud: number | undefined) => void)[] = []
  #text = ''
  #gone = false

  constructor(path: string) {
    const loop = 'while read -r _; do stty -F "$1" speed 2>/dev/null || echo 0; done'
    this.#shell = spawn('sh', ['-c', loop, 'speed-probe', path], { stdio: ['pipe', 'pipe', 'ignore'] })
    this.#shell.stdout.on('data', (chunk: Buffer) => this.#read(chunk.toString('latin1')))
    this.#shell.on('exit', () => {
      this.#gone = true
      for (const done of this.#waiting.splice(0)) done(undefined)
    })
    this.#shell.on('error', () => {})
    this.#shell.stdin.on('error', () => {})
  }

  /** The speed now, or undefined when it can't be told (the device is gone). */
  ask(): Promise<number | undefined> {
    if (this.#gone) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#shell.stdin.write('\n')
    })
  }

  close(): void {
    this.#shell.stdin.end()
    this.#shell.kill()
  }

  #read(text: string): void {
    this.#text += text
    for (let end = this.#text.indexOf('\n'); end >= 0; end = this.#text.indexOf('\n')) {
      const baud = Number(this.#text.slice(0, end))
      this.#text = this.#text.slice(end + 1)
      this.#waiting.shift()?.(baud > 0 ? baud : undefined)
    }
  }
}
