import type { MeterProfile, SerialFormat } from '@metergate/protocol'
import { distinctSettings, type LineSettings, sameSettings, silenceMs, wireMs } from '../bus/line-port.js'

export type ScanDepth = 'quick' | 'normal' | 'full'

/** What the person at the box knows already; the rest is tried. */
export interface ScanScope {
  readonly depth: ScanDepth
  readonly bauds?: readonly number[]
  readonly formats?: readonly SerialFormat[]
  readonly units?: readonly number[]
  readonly protocols?: readonly ('modbus' | 'dlt645')[]
}

/** One question to somebody who may be there. `again` asks a silent unit by the other read function. */
export type ScanProbe =
  | { readonly kind: 'modbus'; readonly unit: number; readonly again: boolean }
  | { readonly kind: 'dlt645' }
  | { readonly kind: 'dlt645_1997' }

/** Probes at one speed and format: one opening of the line. */
export interface ScanStage {
  readonly settings: LineSettings
  readonly probes: readonly ScanProbe[]
}

/** Milliseconds to the first byte of an answer. Meters typically take 5-40 ms (maker sheets); a later answer is heard and asked again. */
const MODBUS_WAIT_MS = { quick: 150, normal: 150, full: 500 } as const
/** Units somebody names: so few are waited for as long as a meter may take, for behind the last of them nobody is asked who would hear it. */
const FEW_UNITS = 10
/** DL/T 645: 20 ms ≤ Td ≤ 500 ms. */
export const DLT645_WAIT_MS = 550
const REQUEST_CHARACTERS = { modbus: 8, dlt645: 16, dlt645_1997: 18 } as const
/** Closing, opening, and hearing out what a meter still owes. */
export const OPENING_MS = 100

const ALL_BAUDS = [9600, 2400, 19200, 4800, 38400, 1200, 115200, 57600] as const
/** Factory settings seen on DL/T 645 meters, likeliest first: 2400 8E1 by the standard, CHINT 9600 8E1, Acrel 9600 8N1, 1200 8E1 of 1997. */
const DLT645_SETTINGS: readonly LineSettings[] = [
  { baud: 2400, format: '8E1' },
  { baud: 9600, format: '8E1' },
  { baud: 9600, format: '8N1' },
  { baud: 1200, format: '8E1' },
  { baud: 4800, format: '8E1' },
  { baud: 2400, format: '8N1' },
]
/** Settings in which meters are left by people rather than by factories. */
const COMMON_SETTINGS: readonly LineSettings[] = [
  { baud: 4800, format: '8N1' },
  { baud: 1200, format: '8N1' },
  { baud: 115200, format: '8N1' },
  { baud: 2400, format: '8E1' },
  { baud: 4800, format: '8E1' },
]

/**
 * What to ask, likeliest first: factory settings by how many models of the library ship with them, first the units meters
 * are shipped with at every setting, then the other units at every setting. Pure.
 */
export function planScan(profiles: readonly MeterProfile[], scope: ScanScope): ScanStage[] {
  const modbus = wanted(scope, 'modbus') ? modbusSettings(profiles, scope) : []
  const dlt645 = wanted(scope, 'dlt645') ? dlt645Settings(scope) : []
  const [likely, others] = unitsOf(profiles, scope)
  const first = merged(modbus, dlt645).map((settings) => ({
    settings,
    probes: [
      ...(includes(modbus, settings) ? modbusProbes(likely, true) : []),
      ...(includes(dlt645, settings) ? dlt645Probes(settings) : []),
    ],
  }))
  const rest = modbus.map((settings) => ({ settings, probes: modbusProbes(others, scope.depth === 'full') }))
  return [...first, ...rest].filter(({ probes }) => probes.length > 0)
}

/** How long a Modbus unit is waited for. */
export function modbusWaitMs({ depth, units }: ScanScope): number {
  return units !== undefined && units.length <= FEW_UNITS ? MODBUS_WAIT_MS.full : MODBUS_WAIT_MS[depth]
}

/** Milliseconds a stage takes when nobody answers: what most of a scan is. */
export function stageMs({ settings, probes }: ScanStage, waitMs: number): number {
  return probes.reduce((sum, probe) => sum + probeMs(probe, settings, waitMs), OPENING_MS)
}

export function probeMs(probe: ScanProbe, settings: LineSettings, waitMs: number): number {
  const wait = probe.kind === 'modbus' ? waitMs : DLT645_WAIT_MS
  return silenceMs(settings.baud) + wireMs(REQUEST_CHARACTERS[probe.kind], settings) + wait
}

const wanted = ({ protocols }: ScanScope, protocol: 'modbus' | 'dlt645'): boolean =>
  protocols === undefined || protocols.includes(protocol)

function modbusProbes(units: readonly number[], twice: boolean): ScanProbe[] {
  const ask = (again: boolean): ScanProbe[] => units.map((unit) => ({ kind: 'modbus', unit, again }))
  // Some meters keep silent about addresses and functions they do not have, so the likely ones are asked both ways.
  return twice ? [...ask(false), ...ask(true)] : ask(false)
}

function dlt645Probes({ baud }: LineSettings): ScanProbe[] {
  return baud <= 2400 ? [{ kind: 'dlt645' }, { kind: 'dlt645_1997' }] : [{ kind: 'dlt645' }]
}

function modbusSettings(profiles: readonly MeterProfile[], scope: ScanScope): LineSettings[] {
  const shipped = profiles.filter(({ protocol }) => protocol === 'modbus').map(({ serial }) => serial)
  const weight = (settings: LineSettings): number => shipped.filter((serial) => sameSettings(serial, settings)).length
  const factory = distinctSettings(shipped).sort((a, b) => weight(b) - weight(a))
  const all = {
    quick: factory,
    normal: [...factory, ...COMMON_SETTINGS],
    full: [...factory, ...grid(['8N1', '8E1', '8O1', '8N2'])],
  }[scope.depth]
  return narrowed(distinctSettings(all), scope, factory[0]?.format ?? '8N1')
}

function dlt645Settings(scope: ScanScope): LineSettings[] {
  const all = {
    quick: DLT645_SETTINGS.slice(0, 4),
    normal: DLT645_SETTINGS,
    full: [...DLT645_SETTINGS, ...grid(['8E1', '8N1'])],
  }[scope.depth]
  return narrowed(distinctSettings(all), scope, '8E1')
}

const grid = (formats: readonly SerialFormat[]): LineSettings[] =>
  formats.flatMap((format) => ALL_BAUDS.map((baud) => ({ baud, format })))

/** Only the speeds and formats asked for; one named but not in the list is tried in the usual format. */
function narrowed(list: readonly LineSettings[], { bauds, formats }: ScanScope, usual: SerialFormat): LineSettings[] {
  const fits = list.filter(({ baud, format }) => (bauds?.includes(baud) ?? true) && (formats?.includes(format) ?? true))
  const missing = (bauds ?? []).filter((baud) => !fits.some((each) => each.baud === baud))
  return [...fits, ...missing.flatMap((baud) => (formats ?? [usual]).map((format) => ({ baud, format })))]
}

/** Units meters are shipped with, and the others. */
function unitsOf(profiles: readonly MeterProfile[], scope: ScanScope): [likely: number[], others: number[]] {
  const shipped = profiles.flatMap(({ serial }) => (serial.unit === undefined ? [] : [serial.unit]))
  const most = { quick: 10, normal: 32, full: 247 }[scope.depth]
  const all = scope.units ?? [...new Set([...Array.from({ length: most }, (_, i) => i + 1), ...shipped])]
  const likely = all.filter((unit) => unit <= 3 || shipped.includes(unit))
  return [likely, all.filter((unit) => !likely.includes(unit))]
}

const includes = (list: readonly LineSettings[], settings: LineSettings): boolean =>
  list.some((each) => sameSettings(each, settings))

/** Alternately from both, so that the commonest DL/T 645 settings do not wait for the rarest Modbus ones. */
function merged(a: readonly LineSettings[], b: readonly LineSettings[]): LineSettings[] {
  const longest = Math.max(a.length, b.length)
  return distinctSettings(
    Array.from({ length: longest }, (_, i) => [a[i], b[i]].filter((each) => each !== undefined)).flat(),
  )
}
