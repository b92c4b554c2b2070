import { type Amount, formatAmount } from '@metergate/protocol'
import type { Language } from '../i18n/localized.js'

/** An amount, or a dash where there is none. */
export const amountText = (value: Amount | null | undefined): string => (value ? formatAmount(value) : '–')

/** Per mille as a percentage: 995 → 99.5%. */
export const shareText = (perMille: number): string => `${(perMille / 10).toFixed(perMille % 10 === 0 ? 0 : 1)}%`

/** A length of time as the configuration writes it: `10s`, `15m`, `1h`. */
export function durationText(ms: number): string {
  if (ms > 0 && ms % 3_600_000 === 0) return `${ms / 3_600_000}h`
  if (ms > 0 && ms % 60_000 === 0) return `${ms / 60_000}m`
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`
}

/** Days, hours, minutes for a person; seconds within the first minute. */
export function uptimeText(ms: number, language: Language): string {
  const minutes = Math.floor(ms / 60_000)
  const parts = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24, minutes % 60]
  const names = language === 'zh' ? ['天', '小时', '分'] : ['d', 'h', 'min']
  const shown = parts.map((part, index) => `${part} ${names[index]}`).filter((_, index) => parts[index] !== 0)
  return shown.length > 0 ? shown.join(' ') : `${Math.floor(ms / 1000)} ${language === 'zh' ? '秒' : 's'}`
}

/** Bytes with a binary unit. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const step = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 2 ** (10 * step)
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[step]}`
}

const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']

/** One character per step, the highest a full block; a gap is a dot. */
export function sparkline(values: readonly (number | null)[]): string {
  const most = Math.max(0, ...values.map((value) => value ?? 0))
  return values
    .map((value) => {
      if (value === null) return '·'
      const level = most === 0 ? 0 : Math.round((Math.max(0, value) / most) * (BARS.length - 1))
      return BARS[level] ?? '▁'
    })
    .join('')
}
