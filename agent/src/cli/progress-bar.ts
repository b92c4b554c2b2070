import type { Output } from './ports.js'
import { columnsOf } from './width.js'

const WIDTH = 24
const MOST_COLUMNS = 100

/** A bar on a terminal, a plain line each tenth in a pipe; other lines go above it. */
export class ProgressBar {
  readonly #out: Output
  #shown = 0
  #tenth = 0

  constructor(out: Output) {
    this.#out = out
  }

  show(done: number, total: number, note: string): void {
    const share = total === 0 ? 1 : Math.min(1, done / total)
    if (!this.#out.isTerminal) {
      const tenth = Math.floor(share * 10)
      if (tenth <= this.#tenth) return
      this.#tenth = tenth
      this.#out.write(`${tenth * 10}%  ${note}\n`)
      return
    }
    const full = Math.round(share * WIDTH)
    const percent = `${Math.floor(share * 100)}%`.padStart(4)
    this.#paint(`${'█'.repeat(full)}${'░'.repeat(WIDTH - full)} ${percent}  ${note}`)
  }

  /** A line that stays. */
  say(text: string): void {
    this.end()
    this.#out.write(`${text}\n`)
  }

  /** Takes the bar away. */
  end(): void {
    if (this.#shown === 0) return
    this.#out.write(`\r${' '.repeat(this.#shown)}\r`)
    this.#shown = 0
  }

  #paint(text: string): void {
    const fitted = cut(text, MOST_COLUMNS)
    const columns = columnsOf(fitted)
    this.#out.write(`\r${fitted}${' '.repeat(Math.max(0, this.#shown - columns))}`)
    this.#shown = columns
  }
}

/** The bar must not wrap, or the next one would stand below it. */
function cut(text: string, most: number): string {
  let so = ''
  for (const character of text) {
    if (columnsOf(so + character) > most) return so
    so += character
  }
  return so
}
