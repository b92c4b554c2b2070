import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { rootFolder } from '../root.js'

export const WRITER = join(rootFolder(), 'scripts/dist/rigs/store-writer.js')

/** The store's victim as a process of its own, and everything it has said so far. */
export class WriterProcess {
  output = ''
  private readonly child: ChildProcess

  constructor(args: readonly string[], prefix: readonly string[] = []) {
    const [command = process.execPath, ...rest] = [...prefix, process.execPath, WRITER, ...args]
    this.child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.output += text
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.output += `stderr ${text}`
    })
  }

  /** Waits until it has said so; throws with what it said instead when it ends or takes too long. */
  async says(text: string, withinMs = 60_000): Promise<void> {
    if (await this.until(() => this.output.includes(text), undefined, withinMs)) return
    // Left alive it would keep what it writes to mounted.
    this.child.kill('SIGKILL')
    throw new Error(`writer: ${this.output.slice(-500)}`)
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  /** Appends that it was told are stored. */
  get stored(): number {
    return this.said('stored ')
  }

  get sealed(): number {
    return this.said('sealed ')
  }

  get refused(): number {
    return this.said('refused ')
  }

  /** What it said of its health last. */
  get health(): string | undefined {
    return [...this.output.matchAll(/^health (.*)$/gm)].at(-1)?.[1]
  }

  get lastWords(): string {
    return `${this.stored} stored, ${this.sealed} sealed, ${this.refused} refused: ${this.output.slice(-300)}`
  }

  /** Waits until it is so, and does `meanwhile` again and again; false when the writer has ended or it takes too long. */
  async until(isSo: () => boolean, meanwhile: () => void = () => undefined, withinMs = 60_000): Promise<boolean> {
    for (const end = performance.now() + withinMs; !isSo(); await pause(10)) {
      if (this.hasEnded || performance.now() > end) return false
      meanwhile()
    }
    return true
  }

  signal(name: 'SIGSTOP' | 'SIGKILL' | 'SIGCONT' | 'SIGTERM'): void {
    this.child.kill(name)
  }

  async ended(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'close')
    return this.child.exitCode
  }

  /** How many of its lines begin so; its first is another. */
  private said(word: string): number {
    return this.output.split(`\n${word}`).length - 1
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
