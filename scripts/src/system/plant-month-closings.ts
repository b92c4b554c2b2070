import type { energyReportSchema } from '@metergate/agent'
import { type Amount, type eventsAnswerSchema, formatAmount } from '@metergate/protocol'
import type { z } from 'zod'

/** The newest closing figures of the month as the cloud has them, against the report of the command. */
export function closingDifferences(
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
