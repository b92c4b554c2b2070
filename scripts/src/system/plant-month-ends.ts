import {
  type Amount,
  amount,
  type EpochMs,
  epochMs,
  formatAmount,
  invariant,
  readingRecordSchema,
} from '@metergate/protocol'
import { MWS_PER_KWH } from '@metergate/simulator'
import { z } from 'zod'
import type { MonthRun } from './plant-month-run.js'
import {
  consumed,
  EXCHANGE,
  type MonthMeter,
  NEW_METER_KWH,
  oldMeterKwh,
  registerOf,
  shownRegister,
  toKwh,
} from './plant-month-truth.js'
import { run as runProgram } from './program.js'

/** The end of a span, and the instants of the two polls nearest to it: the last before it and the first at or after it. */
export interface End {
  readonly at: number
  readonly before: EpochMs
  readonly after: EpochMs
}

const HOUR_MS = 3_600_000
/** Two spans that meet share an end, and the device is asked about it once. */
const known = new WeakMap<MonthRun, Map<number, Promise<ReadonlyMap<MonthMeter, End>>>>()
const lineSchema = z.object({ record: readingRecordSchema })

/**
 * The register readings the device stored around an instant, by `metergate export`. Each is checked on the way: it is exactly
 * what the meter's register showed when it was asked.
 */
export function endOfSpan(run: MonthRun, at: number, meters: readonly MonthMeter[]) {
  const ends = known.get(run) ?? new Map<number, Promise<ReadonlyMap<MonthMeter, End>>>()
  known.set(run, ends)
  const end = ends.get(at) ?? askEnd(run, at, meters)
  ends.set(at, end)
  return end
}

async function askEnd(run: MonthRun, at: number, meters: readonly MonthMeter[]): Promise<ReadonlyMap<MonthMeter, End>> {
  const date = (instant: number) => new Date(instant + 8 * HOUR_MS).toISOString().slice(0, 10)
  const span = ['--from', date(at - HOUR_MS), '--to', date(at + HOUR_MS)]
  const printed = await runProgram('metergate', ['export', '--json', ...span, '--config', run.configFile])
  invariant(printed.code === 0, `metergate export: ${printed.err}`)
  const records = printed.out.split('\n').flatMap((line) => (line ? [lineSchema.parse(JSON.parse(line)).record] : []))
  return new Map(
    meters.map((meter) => {
      const polls = records.filter((one) => one.meter === meter).flatMap((one) => checkedInstant(one, meter) ?? [])
      const [before, after] = [polls.findLast((one) => one < at), polls.find((one) => one >= at)]
      invariant(before !== undefined && after !== undefined, `${meter} was polled around ${new Date(at).toISOString()}`)
      return [meter, { at, before, after }]
    }),
  )
}

function checkedInstant(
  { stamp, blocks, values }: z.infer<typeof readingRecordSchema>,
  meter: MonthMeter,
): EpochMs | undefined {
  const found = values.find(({ quantity }) => quantity === 'energy_active_import_total')
  if (!found || !('value' in found)) return undefined
  const at = epochMs(Math.round(stamp.wall + (blocks[found.block] ?? 0)))
  const shown = shownRegister(meter, at)
  invariant(
    Number(formatAmount(found.value)) === shown,
    `${meter} stored ${formatAmount(found.value)}, its register showed ${shown} at ${new Date(at).toISOString()}`,
  )
  return at
}

/** What flowed through a meter between two instants, kWh. */
export interface RegisterTruth {
  /** By the true load, what no meter saw left out. */
  readonly counted: number
  /** Between registers on the straight line between the polls about each end, cut off to 0.01 kWh as registers are. */
  readonly drawn: Amount
  /** What these straight lines make of the true energy, kWh: nothing read off registers can be without it. */
  readonly misses: number
}

/**
 * The truth as a register read at these polls can tell it. A register read twice says what flowed between, not when; the straight
 * line between the true counters at the very instants of the polls is all that anybody could draw.
 */
export function truthBetween(meter: MonthMeter, start: End, end: End): RegisterTruth {
  const [first, last] = [onLine(meter, start), onLine(meter, end)]
  const exchanged = hasExchange(meter, start.at, end.at)
  const unmetered = exchanged ? consumed(meter, EXCHANGE.from, EXCHANGE.to) : 0n
  const [oldEnd, newStart] = exchanged ? [oldMeterKwh(), NEW_METER_KWH].map(hundredthsOf) : [0n, 0n]
  const drawn = amount(Number(cutOff(last) - (newStart ?? 0n) + (oldEnd ?? 0n) - cutOff(first)), -2)
  const counted = toKwh(consumed(meter, start.at, end.at) - unmetered)
  return { drawn, misses: toKwh(last - registerOf(meter, end.at) - first + registerOf(meter, start.at)), counted }
}

/** Whether a meter is exchanged within a span, which makes it two segments. */
export const hasExchange = (meter: MonthMeter, start: number, end: number): boolean =>
  meter === EXCHANGE.meter && EXCHANGE.from >= start && EXCHANGE.to <= end

function onLine(meter: MonthMeter, { at, before, after }: End): bigint {
  const from = registerOf(meter, before)
  return from + ((registerOf(meter, after) - from) * BigInt(at - before)) / BigInt(after - before)
}

const cutOff = (mws: bigint): bigint => (mws * 100n) / MWS_PER_KWH
const hundredthsOf = (kwh: string): bigint => BigInt(kwh.replace('.', ''))
