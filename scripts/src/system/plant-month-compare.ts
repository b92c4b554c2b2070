import { energyReportSchema } from '@metergate/agent'
import {
  type Amount,
  add,
  amountSchema,
  energyAnswerSchema,
  eventsAnswerSchema,
  formatAmount,
  invariant,
  ratio,
  subtract,
  toNumber,
  unitEnergyAnswerSchema,
} from '@metergate/protocol'
import { z } from 'zod'
import { closingDifferences } from './plant-month-closings.js'
import { endOfSpan, hasExchange, truthBetween } from './plant-month-ends.js'
import type { MonthRun } from './plant-month-run.js'
import {
  consumed,
  consumedReactive,
  EXCHANGE,
  MONTH,
  type MonthMeter,
  pairsMade,
  SUB_METERS,
  toKwh,
} from './plant-month-truth.js'
import { run as runProgram } from './program.js'

const METERS: readonly MonthMeter[] = ['main', ...SUB_METERS]
/** One step of the meter's own register, kWh. */
const stepOf = (meter: MonthMeter): Amount => ({ n: meter === 'main' ? 60 : 1, exp: -2 })

export interface MeterRow {
  readonly meter: MonthMeter
  /** What went through the meter, by the truth, as registers can tell it, and as device and cloud have it. kWh. */
  readonly truth: number
  readonly drawn: Amount
  readonly device: string
  readonly cloud: string
  /** What the straight lines between the polls about both ends make of it, kWh: no figure from registers can be without it. */
  readonly misses: number
  /** |device − drawn| in steps of the register, and how many are allowed: one a segment. */
  readonly digits: number
  readonly segments: number
  /** Intervals the cloud worked out again from raw readings: agreeing, differing, not comparable. */
  readonly recomputed: readonly [number, number, number]
}

export interface ProductRow {
  readonly product: string
  readonly truthPairs: number
  readonly devicePairs: string
  readonly device: string
  readonly cloud: string
  readonly perKg: string
}

export interface MonthComparison {
  readonly meters: readonly MeterRow[]
  readonly products: readonly ProductRow[]
  /** kWh bridged over the exchange, and the truth of what no meter saw. */
  readonly bridged: readonly [device: string, truth: number]
  /** Closing figures of the month in the cloud that differ from the device's own report. */
  readonly closingDifferences: readonly string[]
  readonly reactive: readonly [device: string, truth: number]
}

/**
 * Sets what the command prints and what the cloud's routes answer against the truth, over [start, end).
 *
 * The ends of a span lie between two polls, up to some seconds before the next. So the truth is drawn by a straight line between
 * the true counters at the instants of these polls and cut off to the digit, as any register is; what that line makes of the true
 * energy stands beside it (`misses`). What is left is what the device answers for: readings, boundaries, rollovers, segments,
 * sums. That is held to one digit of the register for each segment. Another `truthOf` is a planted mistake.
 */
export async function compareMonth(
  run: MonthRun,
  start: number,
  end: number,
  truthOf: typeof truthBetween = truthBetween,
): Promise<MonthComparison> {
  const report = await reportOf(run, start, end)
  const get = async <T>(schema: z.ZodType<T>, path: string): Promise<T> => {
    const answer = await run.cloud.app.inject({
      method: 'GET',
      url: `/v1/gateways/${run.gateway}/${path}`,
      headers: { authorization: `Bearer ${run.token}` },
    })
    invariant(answer.statusCode === 200, `${path}: ${answer.statusCode} ${answer.body.slice(0, 300)}`)
    return schema.parse(answer.json())
  }
  const span = `from=${start}&to=${end}`
  const [atStart, atEnd] = [await endOfSpan(run, start, METERS), await endOfSpan(run, end, METERS)]
  const meters: MeterRow[] = []
  for (const meter of METERS) {
    const row = report.meters.find((one) => one.meter === meter)
    invariant(row?.energy && row.bridged, `${meter} has energy`)
    const days = await get(energyAnswerSchema, `meters/${meter}/energy?${span}&step=day`)
    const check = await get(checkSchema, `meters/${meter}/energy/check?${span}`)
    const [first, last] = [atStart.get(meter), atEnd.get(meter)]
    invariant(first && last, `${meter} was polled at both ends`)
    const truth = truthOf(meter, first, last)
    meters.push({
      meter,
      truth: truth.counted,
      drawn: truth.drawn,
      misses: truth.misses,
      device: formatAmount(row.energy),
      cloud: formatAmount(total(days.steps.flatMap(({ energy }) => energy ?? []))),
      digits: stepsBetween(subtract(row.energy, row.bridged), truth.drawn, stepOf(meter)),
      segments: hasExchange(meter, start, end) ? 2 : 1,
      recomputed: [check.agreeing, check.differing.length, check.not_comparable],
    })
  }
  const events = await get(eventsAnswerSchema, `events?from=${start}&to=${end + 7_200_000}&limit=1000`)
  const wanted = end === MONTH.end ? 'month' : undefined
  const units = wanted ? (await get(unitEnergyAnswerSchema, `unit-energy?${span}&period=month`)).unit_energy : []
  const products = report.products.map((one): ProductRow => {
    const stored = units.find((row) => row.product === one.product)
    return {
      product: one.product,
      truthPairs: pairsMade(pressesOf(one.product), start, end),
      devicePairs: one.output ? formatAmount(one.output) : '–',
      device: one.value ? formatAmount(one.value) : (one.no_value ?? '–'),
      cloud: stored?.value ? formatAmount(stored.value) : (stored?.no_value ?? '–'),
      perKg: one.per_kg ? formatAmount(one.per_kg) : '–',
    }
  })
  const main = report.meters.find((one) => one.meter === 'main')
  const exchanged = report.meters.find((one) => one.meter === EXCHANGE.meter)
  return {
    meters,
    products,
    bridged: [
      exchanged?.bridged ? formatAmount(exchanged.bridged) : '–',
      toKwh(consumed(EXCHANGE.meter, EXCHANGE.from, EXCHANGE.to)),
    ],
    closingDifferences: wanted ? closingDifferences(report, events) : [],
    reactive: [main?.reactive ? formatAmount(main.reactive) : '–', toKwh(consumedReactive('main', start, end))],
  }
}

const pressesOf = (product: string): readonly MonthMeter[] =>
  product === 'boot' ? ['press-5', 'press-6'] : ['press-1', 'press-2', 'press-3', 'press-4']

function stepsBetween(a: Amount, b: Amount, step: Amount): number {
  const steps = ratio(subtract(a, b), step, -6)
  return steps ? Math.abs(toNumber(steps)) : Number.NaN
}

const total = (amounts: readonly Amount[]): Amount => amounts.reduce(add, { n: 0, exp: 0 })

const checkSchema = z.object({
  agreeing: z.number(),
  not_comparable: z.number(),
  differing: z.array(z.object({ stored: amountSchema, computed: amountSchema })),
})

/** `metergate energy` in a process of its own: the month, or one day of it. */
async function reportOf(run: MonthRun, start: number, end: number) {
  const date = new Date(start + 8 * 3_600_000).toISOString().slice(0, 10)
  const span = end === MONTH.end ? ['--month', date.slice(0, 7)] : ['--day', date]
  const printed = await runProgram('metergate', ['energy', ...span, '--json', '--config', run.configFile])
  invariant(printed.code === 0, `metergate energy: ${printed.err}`)
  return energyReportSchema.parse(JSON.parse(printed.out))
}
