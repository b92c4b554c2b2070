import { type Amount, formatAmount, ratio, rescale } from '@metergate/protocol'
import type { EnergyReport } from '../control/calls.js'
import { ENERGY_EVENT_CODES, type EnergyEventCode } from '../energy/interval-events.js'
import { PlantZone } from '../energy/plant-time.js'
import { sum } from '../energy/spans.js'
import { TARIFF_PERIODS } from '../energy/tariff.js'
import type { VeeCheckId } from '../energy/vee-table.js'
import { CLI, NO_VALUE_TEXTS } from '../i18n/cli-texts.js'
import {
  billLack,
  ENERGY,
  ENERGY_EVENT_TEXTS,
  FIGURE_REASON_TEXTS,
  SPIKE_TEXTS,
  TARIFF_TEXTS,
  VEE_TEXTS,
} from '../i18n/energy-texts.js'
import { type Localized, same } from '../i18n/localized.js'
import { amountText, shareText, sparkline } from './format.js'
import { type Cell, table } from './table.js'
import type { Terminal } from './terminal.js'
import { formatInstant } from './times.js'

type Section = (terminal: Terminal, report: EnergyReport, zone: PlantZone) => void

/** Everything a span has to say, section by section; what is not there is left out. */
export function printEnergy(terminal: Terminal, report: EnergyReport): void {
  const zone = new PlantZone(report.zone)
  const span = `${formatInstant(zone, report.start)} – ${formatInstant(zone, report.end)}  ${report.zone}`
  terminal.line(`${span}  (${terminal.say(CLI.notForBilling)})`)
  const sections: readonly Section[] = [meters, loads, groups, products, baselines, tariff, checks, events, curve]
  for (const section of sections) section(terminal, report, zone)
}

/** A table with a blank line before it; the first `left` columns are words, the rest numbers. */
function show(terminal: Terminal, titles: readonly Localized[], rows: readonly (readonly Cell[])[], left = 2): void {
  const columns = titles.map((title, index) => ({
    title: terminal.say(title),
    align: index >= left ? ('right' as const) : ('left' as const),
  }))
  terminal.print(`\n${table(columns, rows, terminal.paint)}`)
}

const kwh = (value: Amount | null | undefined): string => (value ? `${formatAmount(value)} kWh` : '–')
/** For reading only: JSON and CSV carry every digit. */
const short = (value: Amount | null | undefined, exp: number): string =>
  value ? amountText(value.exp < exp ? (rescale(value, exp) ?? value) : value) : '–'
const percent = (share: Amount | null | undefined): string =>
  share ? `${(share.n * 10 ** (share.exp + 2)).toFixed(1)}%` : '–'
const hours = (minutes: number): string => (minutes / 60).toFixed(1)

const coverageCell = (perMille: number): Cell => ({
  text: shareText(perMille),
  paint: perMille < 900 ? 'warn' : 'good',
})

const meters: Section = (terminal, report) => {
  const rows = report.meters.map((one): Cell[] => [
    one.meter,
    one.label,
    kwh(one.energy),
    one.estimated && one.estimated.n !== 0 ? kwh(one.estimated) : '–',
    coverageCell(one.coverage),
    {
      text: terminal.say(one.total_quality === 'measured' ? ENERGY.measured : ENERGY.mixed),
      paint: one.total_quality === 'measured' ? 'good' : 'warn',
    },
    short(one.coal?.value, -1),
    short(one.co2?.value, -1),
  ])
  const titles = [
    CLI.meter,
    CLI.label,
    CLI.energy,
    CLI.estimated,
    CLI.coverage,
    ENERGY.quality,
    ENERGY.coal,
    ENERGY.co2,
  ]
  show(terminal, titles, rows)
  for (const { meter, bridged } of report.meters)
    if (bridged && bridged.n !== 0) terminal.line(ENERGY.bridged(meter, short(bridged, -2)))
  const known = report.meters.find(({ coal, co2 }) => coal && co2)
  if (known?.coal && known.co2)
    terminal.line(terminal.paint.faint(terminal.say(ENERGY.factors(known.coal.factor, known.co2.factor))))
}

const loads: Section = (terminal, report, zone) => {
  const known = report.meters.filter(({ demand, base_load: base }) => demand || base.value)
  if (known.length === 0) return
  const hasRestDays = known.some(({ rest_day_load: load }) => load.value)
  const hasSliding = known.some(({ demand_sliding: sliding }) => sliding)
  const figure = ({ value, reason }: (typeof known)[number]['base_load'], write: (value: Amount) => string): string =>
    value ? write(value) : terminal.say(FIGURE_REASON_TEXTS[reason ?? 'insufficient_data'])
  const rows = known.map((one): Cell[] => [
    one.meter,
    one.demand ? formatInstant(zone, one.demand.end) : '–',
    short(one.demand?.kw, -2),
    ...(hasSliding ? [short(one.demand_sliding?.kw, -2)] : []),
    short(one.load_factor, -3),
    one.power_factor_hundredths === null ? '–' : (one.power_factor_hundredths / 100).toFixed(2),
    figure(one.base_load, (value) => short(value, -2)),
    ...(hasRestDays ? [figure(one.rest_day_load, (value) => short(value, -2))] : []),
    figure(one.night_share, percent),
    one.run ? hours(one.run.idle_minutes) : '–',
    one.run ? hours(one.run.run_minutes) : '–',
  ])
  const titles = [
    CLI.meter,
    ENERGY.demandAt,
    ENERGY.demand,
    ...(hasSliding ? [ENERGY.demandSliding] : []),
    ENERGY.loadFactor,
    ENERGY.powerFactor,
    ENERGY.baseLoad,
    ...(hasRestDays ? [ENERGY.restDayLoad] : []),
    ENERGY.nightShare,
    ENERGY.idleHours,
    ENERGY.runHours,
  ]
  show(terminal, titles, rows)
}

const groups: Section = (terminal, report) => {
  if (report.groups.length === 0) return
  const rows = report.groups.flatMap((one): Cell[][] => [
    [
      one.group,
      `${one.label} (${terminal.say(one.kind === 'sum' ? ENERGY.sumKind : ENERGY.mainAndSub)})`,
      kwh(one.energy),
      '',
      coverageCell(one.coverage),
    ],
    ...one.members.map(({ meter, energy, share }): Cell[] => ['', meter, kwh(energy), percent(share), '']),
    ...(one.balance ? [balanceRow(terminal, one.balance)] : []),
  ])
  show(terminal, [ENERGY.group, CLI.label, CLI.energy, ENERGY.share, CLI.coverage], rows)
}

function balanceRow(terminal: Terminal, balance: NonNullable<EnergyReport['groups'][number]['balance']>): Cell[] {
  const name = balance.is_beyond
    ? `${terminal.say(ENERGY.gap)}: ${terminal.say(ENERGY.gapBeyond)}`
    : terminal.say(ENERGY.gap)
  return ['', { text: name, paint: balance.is_beyond ? 'warn' : 'good' }, kwh(balance.gap), percent(balance.share), '']
}

const products: Section = (terminal, report) => {
  if (report.products.length === 0) return
  const rows = report.products.map((one): Cell[] => [
    one.product,
    one.label,
    one.output ? `${amountText(one.output)} ${one.unit}` : '–',
    one.value
      ? `${amountText(one.value)} kWh/${one.unit}`
      : terminal.say(NO_VALUE_TEXTS[one.no_value ?? 'insufficient_data']),
    one.per_kg ? `${amountText(one.per_kg)} kWh/kg` : '–',
    one.process ? amountText(one.process) : '–',
    one.idle_energy ? `${kwh(one.idle_energy)} (${percent(one.idle_share)})` : '–',
    coverageCell(one.matched),
  ])
  const titles = [
    CLI.product,
    CLI.label,
    CLI.output,
    CLI.unitEnergy,
    ENERGY.perKg,
    ENERGY.process,
    ENERGY.idleEnergy,
    CLI.coverage,
  ]
  show(terminal, titles, rows)
  for (const { product, shares_energy_with: others } of report.products)
    if (others.length > 0) terminal.warn(ENERGY.sharesEnergy(product, others))
}

const baselines: Section = (terminal, report) => {
  for (const { product, baseline } of report.products) {
    if (!baseline) continue
    terminal.line(`\n${terminal.say(ENERGY.baseline)} ${product}`)
    if (baseline === 'insufficient_data') {
      terminal.line(ENERGY.baselineNone)
      continue
    }
    terminal.line(
      ENERGY.baselineLine(amountText(baseline.b0), amountText(baseline.b1), short(baseline.r2, -3), baseline.n),
    )
    if (baseline.rejected.length > 0)
      terminal.line(terminal.paint.warn(terminal.say(ENERGY.baselineRejected(baseline.rejected))))
    const last = baseline.days.at(-1)
    if (!last) continue
    const [used, expected] = [
      sum(baseline.days.map(({ energy }) => energy)),
      sum(baseline.days.map((day) => day.expected)),
    ]
    const share = ratio(used, expected, -3)
    terminal.line(ENERGY.expected(short(used, -1), short(expected, -1), short(share, -3), baseline.days.length))
    terminal.line(ENERGY.cusum(short(last.cusum, -1), baseline.days.length))
    if (last.alarm) terminal.line(terminal.paint.warn(terminal.say(ENERGY.cusumAlarm)))
  }
}

const tariff: Section = (terminal, { tariff: found }) => {
  if (!found) return
  const rows = TARIFF_PERIODS.map((period): Cell[] => [
    terminal.say(TARIFF_TEXTS[period]),
    kwh(found.energy[period]),
    found.total.n === 0 ? '–' : percentOf(found.energy[period], found.total),
  ])
  if (found.uncovered.n !== 0) rows.push([terminal.say(ENERGY.uncovered), kwh(found.uncovered), ''])
  rows.push([terminal.say(CLI.total), kwh(found.total), ''])
  const title = same(`${terminal.say(ENERGY.tariff)} ${found.meter} (${[found.schedule, ...found.versions].join(' ')})`)
  show(terminal, [title, CLI.energy, ENERGY.share], rows, 1)
  const lacks = found.missing.map((one) => terminal.say(billLack(one)))
  const { bill } = found
  if (bill?.total) {
    const [basic, adjustment] = [bill.basic, bill.adjustment].map((one) => (one ? amountText(one) : '–'))
    terminal.line(ENERGY.billLine(amountText(bill.energy), basic ?? '–', adjustment ?? '–', amountText(bill.total)))
    if (found.estimated && found.estimated.n !== 0) terminal.line(ENERGY.billEstimated(kwh(found.estimated)))
  } else if (bill) terminal.line(ENERGY.billEnergyOnly(amountText(bill.energy), lacks))
  else if (lacks.length > 0) terminal.line(ENERGY.billMissing(lacks))
}

/** For the screen only. */
const percentOf = (part: Amount, whole: Amount): string =>
  `${((100 * (part.n * 10 ** part.exp)) / (whole.n * 10 ** whole.exp)).toFixed(1)}%`

const checks: Section = (terminal, report, zone) => {
  if (report.checks.length === 0) return
  const byKind = new Map<string, EnergyReport['checks'][number][]>()
  for (const found of report.checks) {
    const key = `${found.meter} ${found.check}`
    byKind.set(key, [...(byKind.get(key) ?? []), found])
  }
  const rows = [...byKind.values()].flatMap((found): Cell[][] => {
    const [first] = found
    if (!first) return []
    const id: VeeCheckId = first.check
    return [
      [
        first.meter,
        { text: `${id} ${terminal.say(VEE_TEXTS[id])}`, paint: first.severity === 'info' ? 'good' : 'warn' },
        formatInstant(zone, first.start),
        `${first.value} (${first.limit})${first.verdict ? ` ${terminal.say(SPIKE_TEXTS[first.verdict])}` : ''}`,
        String(found.length),
      ],
    ]
  })
  terminal.line(`\n${terminal.say(ENERGY.checks)}`)
  show(terminal, [CLI.meter, ENERGY.check, ENERGY.first, ENERGY.example, ENERGY.findings], rows, 4)
}

const isEventCode = (code: string): code is EnergyEventCode => ENERGY_EVENT_CODES.some((known) => known === code)

const events: Section = (terminal, report, zone) => {
  if (report.events.length === 0) return
  const rows = report.events.map(({ at, meter, code }): Cell[] => [
    formatInstant(zone, at),
    meter ?? '',
    isEventCode(code) ? terminal.say(ENERGY_EVENT_TEXTS[code]) : code,
  ])
  show(terminal, [ENERGY.at, CLI.meter, ENERGY.events], rows, 3)
}

/** Only the drawing rounds; every figure above is exact. */
const curve: Section = (terminal, { steps, steps_of: of }) => {
  const values = steps.map(({ energy }) => (energy ? Number(formatAmount(energy)) : null))
  if (!of || !values.some((value) => value !== null)) return
  const most = steps.reduce<Amount | null>(
    (best, { energy }) => (energy && (!best || energy.n * 10 ** energy.exp > best.n * 10 ** best.exp) ? energy : best),
    null,
  )
  const name = of.kind === 'main' ? terminal.say(ENERGY.curveOfMain(of.meter)) : of.meter
  terminal.line(`\n${sparkline(values)}  ${name}, ${terminal.say(ENERGY.curveMost(amountText(most)))}`)
}
