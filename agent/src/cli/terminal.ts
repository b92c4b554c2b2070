import type { Language, Localized } from '../i18n/localized.js'
import type { CliIo } from './ports.js'

/** Colours, or plain text where none are wanted. */
export interface Paint {
  readonly faint: (text: string) => string
  readonly bold: (text: string) => string
  readonly good: (text: string) => string
  readonly bad: (text: string) => string
  readonly warn: (text: string) => string
}

const asIs = (text: string): string => text
const code =
  (open: number, close: number) =>
  (text: string): string =>
    `\u001b[${open}m${text}\u001b[${close}m`
export const PLAIN: Paint = { faint: asIs, bold: asIs, good: asIs, bad: asIs, warn: asIs }
const COLOURED: Paint = {
  faint: code(2, 22),
  bold: code(1, 22),
  good: code(32, 39),
  bad: code(31, 39),
  warn: code(33, 39),
}

/** What a command prints with: the reader's language, colours only on a terminal and without NO_COLOR. */
export class Terminal {
  readonly paint: Paint
  readonly #errorPaint: Paint

  constructor(
    private readonly io: CliIo,
    readonly language: Language,
  ) {
    const wanted = !io.env.NO_COLOR && io.env.TERM !== 'dumb'
    this.paint = wanted && io.out.isTerminal ? COLOURED : PLAIN
    this.#errorPaint = wanted && io.err.isTerminal ? COLOURED : PLAIN
  }

  say(text: Localized): string {
    return text[this.language]
  }
  print(text: string): void {
    this.io.out.write(text)
  }
  line(text: Localized | string): void {
    this.print(`${typeof text === 'string' ? text : this.say(text)}\n`)
  }
  json(value: unknown): void {
    this.print(`${JSON.stringify(value, null, 2)}\n`)
  }
  error(text: Localized | string): void {
    this.io.err.write(`${this.#errorPaint.bad(typeof text === 'string' ? text : this.say(text))}\n`)
  }
  warn(text: Localized | string): void {
    this.io.err.write(`${this.#errorPaint.warn(typeof text === 'string' ? text : this.say(text))}\n`)
  }
}
