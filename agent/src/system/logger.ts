import { Writable } from 'node:stream'
import type { Clock } from '@metergate/protocol'
import { pino } from 'pino'
import { RepeatLimit } from './repeat-limit.js'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFacts = Readonly<Record<string, unknown>>

/**
 * A line says what happened (`message`) with its facts. `cause` names what repeats (`bus line-1 timeout`): of one cause
 * at most ten lines a minute are written. Without a cause the message itself is it.
 */
export interface Logger {
  debug(message: string, facts?: LogFacts): void
  info(message: string, facts?: LogFacts): void
  warn(message: string, facts?: LogFacts): void
  error(message: string, facts?: LogFacts): void
  /** The same logger with facts that every line repeats, e.g. `{ part: 'sync' }`. */
  with(facts: LogFacts): Logger
}

export interface LogOptions {
  readonly level: LogLevel
  /** `auto`: pretty on a terminal, JSON elsewhere. */
  readonly format: 'auto' | 'json' | 'pretty'
  readonly clock: Clock
  /** Standard output when left out. */
  readonly out?: NodeJS.WritableStream & { readonly isTTY?: boolean }
}

/** Writes pino's JSON lines, or the same lines laid out for a person. */
export function createLogger({ level, format, clock, out = process.stdout }: LogOptions): Logger {
  const pretty = format === 'pretty' || (format === 'auto' && out.isTTY === true)
  const target = pretty ? prettyStream(out) : out
  const root = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date(clock.wall()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    target,
  )
  return new PinoLogger((lineLevel, facts, message) => root[lineLevel](facts, message), new RepeatLimit(clock), {})
}

class PinoLogger implements Logger {
  constructor(
    private readonly write: (level: LogLevel, facts: LogFacts, message: string) => void,
    private readonly limit: RepeatLimit,
    private readonly facts: LogFacts,
  ) {}

  debug(message: string, facts: LogFacts = {}): void {
    this.#line('debug', message, facts)
  }
  info(message: string, facts: LogFacts = {}): void {
    this.#line('info', message, facts)
  }
  warn(message: string, facts: LogFacts = {}): void {
    this.#line('warn', message, facts)
  }
  error(message: string, facts: LogFacts = {}): void {
    this.#line('error', message, facts)
  }
  with(facts: LogFacts): Logger {
    return new PinoLogger(this.write, this.limit, { ...this.facts, ...facts })
  }

  #line(level: LogLevel, message: string, facts: LogFacts): void {
    const { cause = message, ...rest } = facts
    const { pass, dropped } = this.limit.admit(`${level} ${String(cause)}`)
    if (pass) this.write(level, { ...this.facts, ...rest, ...(dropped > 0 ? { left_out: dropped } : {}) }, message)
  }
}

/** `12:00:01 WARN  message  key=value …`, one line each. */
function prettyStream(out: NodeJS.WritableStream): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      const lines = String(chunk).trimEnd().split('\n')
      out.write(`${lines.map(prettyLine).join('\n')}\n`)
      done()
    },
  })
}

function prettyLine(line: string): string {
  const parsed: unknown = JSON.parse(line)
  if (typeof parsed !== 'object' || parsed === null) return line
  const { time, level, message, ...facts } = Object.fromEntries(Object.entries(parsed))
  const rest = Object.entries(facts).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return [String(time).slice(11, 19), String(level).toUpperCase().padEnd(5), `${String(message)}`, ...rest].join(' ')
}

/** A logger for commands and tests that writes nowhere. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silentLogger,
}
