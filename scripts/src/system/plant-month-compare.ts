import { energyReportSchema } from '@metergate/agent'
import {
  type Amount,
  add,
  amountSchema,
  energyAnswerSchema,
  eventsAnswerSchema,
  formatAmount,
  invariant,
  subtract,
  toNumber,
  unitEnergyAnswerSchema,
} from '@metergate/protocol'
import { z } from 'zod'
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
/** kWh one step of the meter's own register is worth. */
const digitOf = (meter: MonthMeter): number => (meter === 'main' ? 0.6 : 0.01)

export interface MeterRow {
  readonly meter: MonthMeter
  /** What went through the meter, by the truth, and the same as registers, device and cloud have it. kWh. */
  readonly truth: number
  readonly device: string
  readonly cloud: string
  /** |device − truth| in steps of the register. */
  readonly digits: number
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

/** Sets what the command prints and what the cloud's routes answer against the truth, over [start, end). */
export async function compareMonth(run: MonthRun, start: number, end: number): Promise<MonthComparison> {
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
  const meters: MeterRow[] = []
  for (const meter of METERS) {
    const row = report.meters.find((one) => one.meter === meter)
    invariant(row?.energy && row.bridged, `${meter} has energy`)
    const days = await get(energyAnswerSchema, `meters/${meter}/energy?${span}&step=day`)
    const check = await get(checkSchema, `meters/${meter}/energy/check?${span}`)
    const truth = meteredTruth(meter, start, end)
    meters.push({
      meter,
      truth,
      device: formatAmount(row.energy),
      cloud: formatAmount(total(days.steps.flatMap(({ energy }) => energy ?? []))),
      digits: Math.abs(toNumber(subtract(row.energy, row.bridged)) - truth) / digitOf(meter),
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

/** Without what flowed while press 3 had no meter. */
function meteredTruth(meter: MonthMeter, start: number, end: number): number {
  const unmetered = meter === EXCHANGE.meter ? consumed(meter, EXCHANGE.from, EXCHANGE.to) : 0n
  return toKwh(consumed(meter, start, end) - unmetered)
}

const total = (amounts: readonly Amount[]): Amount => amounts.reduce(add, { n: 0, exp: 0 })

const checkSchema = z.object({
  agreeing: z.number(),
  not_comparable: z.number(),
  differing: z.array(z.object({ stored: amountSchema, computed: amountSchema })),
})

/** `metergate energy` in a process of its own: over the month, else over the weeks and days that make up the span. */
async function reportOf(run: MonthRun, start: number, end: number) {
  if (end === MONTH.end) {
    const printed = await runProgram('metergate', [
      'energy',
      '--month',
      '2026-02',
      '--json',
      '--config',
      run.configFile,
    ])
    invariant(printed.code === 0, `metergate energy: ${printed.err}`)
    return energyReportSchema.parse(JSON.parse(printed.out))
  }
  const date = new Date(start + 8 * 3_600_000).toISOString().slice(0, 10)
  const printed = await runProgram('metergate', ['energy', '--week', date, '--json', '--config', run.configFile])
  invariant(printed.code === 0, `metergate energy: ${printed.err}`)
  return energyReportSchema.parse(JSON.parse(printed.out))
}

/** The newest closing figures of the month as the cloud has them, against the report of the command. */
function closingDifferences(
  report: z.infer<typeof energyReportSchema>,
  { events }: z.infer<typeof eventsAnswerSchema>,
): string[] {
  const closings = events.filter(({ code }) => code === 'monthly_close')
  const newest = (of: string, key: (facts: (typeof closings)[number]) => boolean) =>
    closings
      .filter((one) => one.facts.of === of && key(one))
      .sort((a, b) => Number(b.facts.revision) - Number(a.facts.revision))[0]?.facts
  const text = (value: Amount | null | undefined) => (value ? formatAmount(value) : null)
  const pairs: [string, unknown, unknown][] = [
    ...report.meters.flatMap((row): [string, unknown, unknown][] => {
      const facts = newest('meter', (one) => one.meter === row.meter)
      return [
        [`${row.meter} energy`, facts?.energy_import_kwh, text(row.energy)],
        [`${row.meter} demand`, facts?.max_demand_block_15_kw, text(row.demand?.kw)],
        [`${row.meter} kgce`, facts?.comprehensive_energy_kgce, text(row.coal?.value)],
      ]
    }),
    ...report.products.flatMap((row): [string, unknown, unknown][] => {
      const facts = newest('product', (one) => one.facts.product === row.product)
      return [
        [`${row.product} output`, facts?.output, text(row.output)],
        [`${row.product} kWh/kg`, facts?.unit_energy_kwh_per_kg, text(row.per_kg)],
      ]
    }),
    ...report.groups.map((row): [string, unknown, unknown] => [
      `${row.group} energy`,
      newest('group', (one) => one.facts.group === row.group)?.energy_kwh,
      text(row.energy),
    ]),
    ['tariff', newest('tariff', () => true)?.total_cny, text(report.tariff?.bill?.total)],
  ]
  return pairs.flatMap(([what, cloud, device]) =>
    cloud === device ? [] : [`${what}: cloud ${cloud}, device ${device}`],
  )
}
