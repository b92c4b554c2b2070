import { type Amount, formatAmount } from '@metergate/protocol'
import type { EnergyReport } from '../control/calls.js'
import { PlantZone } from '../energy/plant-time.js'
import { csv } from './csv.js'
import { formatInstant } from './times.js'

const HEADER = [
  'kind',
  'id',
  'label',
  'from',
  'to',
  'energy_kwh',
  'estimated_kwh',
  'coverage_per_mille',
  'output',
  'unit',
  'unit_energy_kwh',
  'reason',
  'total_quality',
  'demand_kw',
  'power_factor',
  'share',
  'cost_cny',
  'unit_energy_kwh_per_kg',
  'note',
]
type Column = 'energy' | 'estimated' | 'coverage' | 'output' | 'unit' | 'value' | 'reason' | 'quality'
type More = 'demand' | 'factor' | 'share' | 'cost' | 'per_kg'
type Cells = Partial<Record<Column | More, string>>
const COLUMNS: readonly (Column | More)[] = [
  'energy',
  'estimated',
  'coverage',
  'output',
  'unit',
  'value',
  'reason',
  'quality',
  'demand',
  'factor',
  'share',
  'cost',
  'per_kg',
]
/** Goes along on every row and with the JSON: a file travels without the screen it came from. */
export const NOT_FOR_SETTLEMENT = '不作贸易结算依据 not for trade settlement'

const text = (value: Amount | null | undefined): string => (value ? formatAmount(value) : '')

/** One row per meter, group, member of a group, product and tariff period. */
export function energyCsv(report: EnergyReport): string {
  const zone = new PlantZone(report.zone)
  const span = [formatInstant(zone, report.start), formatInstant(zone, report.end)]
  const row = (kind: string, id: string, label: string, cells: Cells): string[] => [
    kind,
    id,
    label,
    ...span,
    ...COLUMNS.map((column) => cells[column] ?? ''),
    NOT_FOR_SETTLEMENT,
  ]
  const meters = report.meters.map((one) =>
    row('meter', one.meter, one.label, {
      energy: text(one.energy),
      estimated: text(one.estimated),
      coverage: String(one.coverage),
      quality: one.total_quality,
      demand: text(one.demand?.kw),
      factor: one.power_factor_hundredths === null ? '' : (one.power_factor_hundredths / 100).toFixed(2),
    }),
  )
  const groups = report.groups.flatMap((one) => [
    row('group', one.group, one.label, {
      energy: text(one.energy),
      estimated: text(one.estimated),
      coverage: String(one.coverage),
    }),
    ...one.members.map(({ meter, energy, share }) =>
      row('group_member', meter, one.group, { energy: text(energy), share: text(share) }),
    ),
    ...(one.balance
      ? [row('group_gap', one.group, one.label, { energy: text(one.balance.gap), share: text(one.balance.share) })]
      : []),
  ])
  const products = report.products.map((one) =>
    row('product', one.product, one.label, {
      energy: text(one.energy),
      coverage: String(one.matched),
      output: text(one.output),
      unit: one.unit,
      value: text(one.value),
      per_kg: text(one.per_kg),
      reason: [one.no_value ?? [], one.shares_energy_with.map((other) => `energy_shared_with:${other}`)]
        .flat(2)
        .join(' '),
    }),
  )
  return csv(HEADER, [...meters, ...groups, ...products, ...tariffRows(report, row)])
}

function tariffRows(
  { tariff }: EnergyReport,
  row: (kind: string, id: string, label: string, cells: Cells) => string[],
): string[][] {
  if (!tariff) return []
  return [
    ...Object.entries(tariff.energy).map(([period, energy]) =>
      row('tariff', period, tariff.meter, { energy: text(energy) }),
    ),
    ...(tariff.bill
      ? [row('cost', tariff.schedule, tariff.meter, { energy: text(tariff.total), cost: text(tariff.bill.total) })]
      : []),
  ]
}
