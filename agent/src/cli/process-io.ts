import { createInterface } from 'node:readline/promises'
import type { CliIo, Output } from './ports.js'

/** What a shell expects of a program ended by Ctrl-C. */
const INTERRUPTED = 130

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
  const abort = (name: NodeJS.Signals): void => {
    stop.abort(new Error(name))
    // A second Ctrl-C means it: the default action comes back.
    process.removeListener('SIGINT', abort)
  }
  process.on('SIGTERM', abort)
  process.on('SIGINT', abort)
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
