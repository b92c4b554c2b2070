import { createInterface } from 'node:readline/promises'
import type { CliIo, Output } from './ports.js'

/** What a shell expects of a program ended by Ctrl-C or SIGTERM. */
const INTERRUPTED = 130
const TERMINATED = 143

/** The reason with which a signal aborts what is under way. */
export class Stopped extends Error {
  constructor(readonly signal: 'SIGINT' | 'SIGTERM') {
    super(signal)
  }

  get exitCode(): typeof INTERRUPTED | typeof TERMINATED {
    return this.signal === 'SIGINT' ? INTERRUPTED : TERMINATED
  }
}

/** The real process: its streams, its environment, and a signal that SIGTERM or SIGINT aborts. */
export function processIo(): CliIo {
  const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true
  let signal: AbortSignal | undefined
  return {
    out: output(process.stdout),
    err: output(process.stderr),
    env: process.env,
    ask: interactive ? ask : undefined,
    // Caught only once somebody cares: a command that just waits for an answer should simply end on Ctrl-C.
    get signal() {
      signal ??= stopSignal()
      return signal
    },
  }
}

function stopSignal(): AbortSignal {
  const stop = new AbortController()
  const interrupt = (): void => {
    stop.abort(new Stopped('SIGINT'))
    // A second Ctrl-C means it: the default action comes back.
    process.removeListener('SIGINT', interrupt)
  }
  process.on('SIGTERM', () => stop.abort(new Stopped('SIGTERM')))
  process.on('SIGINT', interrupt)
  return stop.signal
}

function output(stream: NodeJS.WriteStream): Output {
  // `metergate … | head` closes the pipe early; that is no failure of ours.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  return { write: (text) => void stream.write(text), isTerminal: stream.isTTY === true }
}

async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stdout })
  // Ctrl-C or Ctrl-D at a question: nothing has been written yet, and a promise left open would end Node with a riddle.
  const leave = (): never => process.exit(INTERRUPTED)
  lines.once('close', leave)
  try {
    return await lines.question(question)
  } finally {
    lines.off('close', leave)
    lines.close()
  }
}
