import { isIPv6 } from 'node:net'
import { type Amount, amountFrom, type DurationMs, durationMs, parseAmount, ratio, rescale } from '@metergate/protocol'
import { hostAndPort } from '../system/host-and-port.js'

const MS_PER: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 }
const BYTES_PER: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
}

/** A whole number of milliseconds from `500ms`, `10s`, `1.5m`, `1h`, `1d`; undefined for anything else, a bare number too. */
export function parseDuration(text: string): DurationMs | undefined {
  const whole = wholeUnits(text, MS_PER)
  return whole === undefined ? undefined : durationMs(whole)
}

/** A whole number of bytes from `512MiB`, `1GiB`, `300MB`; undefined for anything else. `0` needs no unit. */
export function parseSize(text: string): number | undefined {
  return text.trim() === '0' ? 0 : wholeUnits(text, BYTES_PER)
}

function wholeUnits(text: string, perUnit: Readonly<Record<string, number>>): number | undefined {
  const match = /^([\d.]+)\s*([A-Za-z]+)$/.exec(text.trim())
  const count = match && parseAmount(match[1] ?? '')
  const factor = match && Object.hasOwn(perUnit, match[2] ?? '') ? perUnit[match[2] ?? ''] : undefined
  if (!count || factor === undefined) return undefined
  const scaled = BigInt(count.n) * BigInt(factor)
  const divisor = 10n ** BigInt(-count.exp)
  const whole = Number(scaled / divisor)
  return scaled % divisor === 0n && Number.isSafeInteger(whole) ? whole : undefined
}

/** A transformer ratio, exact to six decimals: `"200/5"`, `"10000/100"`, `40`, `"1"`. Undefined when not positive or not finite. */
export function parseRatio(text: string): Amount | undefined {
  const parts = text.split('/').map((part) => parseAmount(part))
  const [primary, secondary] = parts
  if (parts.length === 1) return primary && primary.n > 0 ? trimmed(primary) : undefined
  if (parts.length !== 2 || !primary || !secondary || primary.n <= 0 || secondary.n <= 0) return undefined
  const value = ratio(primary, secondary, -6)
  return value && value.n > 0 && isExact(value, primary, secondary) ? trimmed(value) : undefined
}

function isExact(value: Amount, primary: Amount, secondary: Amount): boolean {
  const product = BigInt(value.n) * BigInt(secondary.n) * 10n ** BigInt(value.exp + secondary.exp + 24)
  return product === BigInt(primary.n) * 10n ** BigInt(primary.exp + 24)
}

/** A positive decimal (`0.35`, `12`); undefined otherwise. */
export function parsePositive(text: string): Amount | undefined {
  const value = parseAmount(text)
  return value && value.n > 0 ? trimmed(value) : undefined
}

/** The same amount without trailing zeros after the point. */
function trimmed(value: Amount): Amount {
  let short = value
  while (short.exp < 0 && short.n % 10 === 0) short = amountFrom(BigInt(short.n / 10), short.exp + 1) ?? short
  return short.exp > 0 ? (rescale(short, 0) ?? short) : short
}

/** Where a line's bytes go. */
export type LinePort =
  | { readonly kind: 'serial'; readonly path: string }
  | { readonly kind: 'rtu_over_tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'modbus_tcp'; readonly host: string; readonly port: number }

/** `/dev/ttyUSB0`, `COM3`, `rtu_over_tcp HOST:PORT`, `modbus_tcp HOST[:502]` (`://` may stand for the blank). */
export function parsePort(text: string): LinePort | undefined {
  const trimmedText = text.trim()
  if (/^\/[^\s]+$/.test(trimmedText) || /^COM\d{1,3}$/.test(trimmedText)) return { kind: 'serial', path: trimmedText }
  const match = /^(rtu_over_tcp|modbus_tcp)(?:\s+|:\/\/)([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::(\d{1,5}))?$/.exec(
    trimmedText,
  )
  const kind = match?.[1]
  const host = match?.[2]?.replaceAll(/[[\]]/g, '')
  if (!match || !host || (host.includes(':') && !isIPv6(host))) return undefined
  const port = match[3] === undefined ? (kind === 'modbus_tcp' ? 502 : undefined) : Number(match[3])
  if (port === undefined || port < 1 || port > 65535) return undefined
  return kind === 'modbus_tcp' ? { kind: 'modbus_tcp', host, port } : { kind: 'rtu_over_tcp', host, port }
}

/** The port as the configuration file writes it. */
export function formatPort(port: LinePort): string {
  return port.kind === 'serial' ? port.path : `${port.kind} ${hostAndPort(port.host, port.port)}`
}

/** Minutes after midnight from `08:00`; `24:00` is the end of the day. */
export function parseTimeOfDay(text: string): number | undefined {
  const match = /^(\d{1,2}):([0-5]\d)$/.exec(text.trim())
  if (!match) return undefined
  const minute = Number(match[1]) * 60 + Number(match[2])
  return minute <= 1440 ? minute : undefined
}
