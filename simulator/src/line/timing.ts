import type { SerialFormat } from '@metergate/protocol'

/** Speed and character format one side of a line is set to. */
export interface SerialSettings {
  readonly baud: number
  /** Undefined where it can't be known: Linux drops the parity flag on a pty. */
  readonly format: SerialFormat | undefined
}

/** Time one character takes: a start bit, eight data bits, parity or none, one or two stop bits. */
export function charMs({ baud, format }: SerialSettings): number {
  const bits = format === undefined || format === '8N1' ? 10 : 11
  return (bits * 1000) / baud
}

/** The silence that ends a frame: 3.5 characters, fixed at 1.75 ms above 19200 baud (serial-line guide V1.02, 2.5.1.1). */
export function frameGapMs(settings: SerialSettings): number {
  return settings.baud > 19_200 ? 1.75 : 3.5 * charMs(settings)
}

/** Would a receiver set to `b` understand what is sent at `a`? An unknown format is taken to fit. */
export function understands(a: SerialSettings, b: SerialSettings): boolean {
  if (a.baud !== b.baud) return false
  return a.format === undefined || b.format === undefined || a.format === b.format
}
