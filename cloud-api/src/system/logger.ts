import { type Logger, pino } from 'pino'

export type { Logger } from 'pino'

/** JSON lines on standard error; no header, token or body is ever logged. */
export function createLogger(level: string): Logger {
  return pino({ level, redact: ['req.headers', 'headers', 'token', 'code'] }, pino.destination(2))
}
