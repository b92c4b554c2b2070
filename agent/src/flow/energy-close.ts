import { type Amount, type EventRecord, formatAmount, type MeterId } from '@metergate/protocol'
import type { EnergyReport } from '../control/calls.js'
import type { EventDraft } from '../energy/interval.js'

/**
 * Names the rules of the closing figures; with the factors, schedules and formulas beside it the cloud can work them out again.
 * 2: a day's cost holds no month's fee, and a span metered too little has no cost.
 */
export const CLOSE_FORMULA = 'close/2'

export type ClosePeriod = 'day' | 'month'

type Facts = EventRecord['facts']
const text = (value: Amount | null | undefined): string | null => (value ? formatAmount(value) : null)

/**
 * The closing figures of a day or month (日冻结, 月冻结) as events of the ledger, one for each meter, group, product and the
 * tariff: what `metergate energy` says of it, so that the cloud has it beside the intervals and registers it rests on. A later
 * correction closes the period again with the next revision.
 */
export function closingEvents(report: EnergyReport, period: ClosePeriod, revision: number): EventDraft[] {
  const { start, end, zone } = report
  const base = { start, end, zone, revision, formula: CLOSE_FORMULA }
  const event = (of: string, facts: Facts, meter?: MeterId): EventDraft => ({
    kind: 'event',
    code: `${period === 'day' ? 'daily' : 'monthly'}_close`,
    ...(meter ? { meter } : {}),
    facts: { of, ...base, ...facts },
  })
  return [
    ...report.meters.map((row) => event('meter', meterFacts(row, report), row.meter)),
    ...report.groups.map((row) => event('group', groupFacts(row))),
    ...report.products.map((row) => event('product', productFacts(row))),
    ...(report.tariff ? [event('tariff', tariffFacts(report.tariff), report.tariff.meter)] : []),
  ]
}

function meterFacts(row: EnergyReport['meters'][number], report: EnergyReport): Facts {
  const { demand, demand_sliding: sliding, run, coal, co2 } = row
  return {
    energy_import_kwh: text(row.energy),
    estimated_kwh: text(row.estimated),
    bridged_kwh: text(row.bridged),
    coverage: row.coverage,
    total_quality: row.total_quality,
    n_expected: row.intervals.expected,
    n_measured: row.intervals.measured,
    n_estimated: row.intervals.estimated,
    max_demand_block_15_kw: text(demand?.kw),
    max_demand_block_15_at: demand?.end ?? null,
    max_demand_sliding_15_kw: text(sliding?.kw),
    load_factor: text(row.load_factor),
    energy_reactive_kvarh: text(row.reactive),
    power_factor_hundredths: row.power_factor_hundredths,
    base_load_kw: text(row.base_load.value),
    rest_day_load_kw: text(row.rest_day_load.value),
    night_share: text(row.night_share.value),
    run_threshold_kw: text(run?.threshold_kw),
    idle_minutes: run?.idle_minutes ?? null,
    run_minutes: run?.run_minutes ?? null,
    comprehensive_energy_kgce: text(coal?.value),
    kgce_factor: coal?.factor ?? null,
    co2_kg: text(co2?.value),
    co2_factor: co2?.factor ?? null,
    checks: checksInWords(report, row.meter),
  }
}

function groupFacts(row: EnergyReport['groups'][number]): Facts {
  return {
    group: row.group,
    kind: row.kind,
    energy_kwh: text(row.energy),
    estimated_kwh: text(row.estimated),
    coverage: row.coverage,
    balance_gap_kwh: text(row.balance?.gap),
    balance_gap_share: text(row.balance?.share),
    members: row.members
      .map(({ meter, energy }) => `${meter}=${formatAmount(energy)}`)
      .join(' ')
      .slice(0, 500),
  }
}

function productFacts(row: EnergyReport['products'][number]): Facts {
  const { baseline } = row
  const fitted = baseline && baseline !== 'insufficient_data' ? baseline : null
  const last = fitted?.days.at(-1)
  return {
    product: row.product,
    unit: row.unit,
    output: text(row.output),
    energy_kwh: text(row.energy),
    unit_energy_kwh: text(row.value),
    no_value: row.no_value ?? null,
    energy_shared_with: row.shares_energy_with.length > 0 ? row.shares_energy_with.join(' ').slice(0, 500) : null,
    matched: row.matched,
    estimated: row.estimated,
    unit_energy_kwh_per_kg: text(row.per_kg),
    process_unit_energy_kwh: text(row.process),
    non_productive_kwh: text(row.idle_energy),
    non_productive_share: text(row.idle_share),
    unit_energy_formula: row.formula,
    baseline_formula: fitted?.formula ?? null,
    baseline_b0_kwh: text(fitted?.b0),
    baseline_b1_kwh: text(fitted?.b1),
    baseline_r2: text(fitted?.r2),
    enpi_expected_kwh: text(last?.expected),
    cusum_savings_kwh: text(last?.cusum),
  }
}

function tariffFacts(row: NonNullable<EnergyReport['tariff']>): Facts {
  const { energy, bill } = row
  return {
    schedule: row.schedule,
    versions: row.versions.join(' ').slice(0, 500),
    tariff_kind: row.tariff_kind,
    sharp_kwh: text(energy.sharp),
    peak_kwh: text(energy.peak),
    flat_kwh: text(energy.flat),
    valley_kwh: text(energy.valley),
    deep_valley_kwh: text(energy.deep_valley),
    uncovered_kwh: text(row.uncovered),
    total_kwh: text(row.total),
    estimated_kwh: text(row.estimated),
    valley_share: text(row.valley_share),
    energy_cost_cny: text(bill?.energy),
    basic_cny: text(bill?.basic),
    pf_adjust_rate: text(bill?.adjustment_rate),
    pf_adjust_cny: text(bill?.adjustment),
    total_cny: text(bill?.total),
    missing: row.missing.length > 0 ? row.missing.join(' ').slice(0, 500) : null,
  }
}

/** `spike 1, high_low 2`; null when nothing was found. */
function checksInWords(report: EnergyReport, meter: MeterId): string | null {
  const counts = new Map<string, number>()
  for (const found of report.checks)
    if (found.meter === meter) counts.set(found.check, (counts.get(found.check) ?? 0) + 1)
  return counts.size > 0 ? [...counts].map(([check, count]) => `${check} ${count}`).join(', ') : null
}
