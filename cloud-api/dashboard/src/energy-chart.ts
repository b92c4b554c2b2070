import type { EnergyStep } from '@metergate/protocol/http'
import type { EChartsCoreOption } from 'echarts/core'
import { AMBER, BAR, base, gapAreas, instantAxis, legend, stepsBefore, valueAxis } from './chart-parts'
import { show, toNumber } from './figures'
import { language, t } from './texts'

/** Energy per hour as bars, what is estimated in another colour on top; hours without any are grey. */
export function energyChart(
  steps: readonly EnergyStep[],
  zone: string,
  isWeek: boolean,
  since: number | undefined,
): EChartsCoreOption {
  const estimated = steps.map((step) => (step.estimated ? toNumber(step.estimated) : 0))
  const measured = steps.map((step, i) => (step.energy ? toNumber(step.energy) - (estimated[i] ?? 0) : null))
  const isKnown = steps.map((step) => step.energy !== null)
  const hasEstimates = estimated.some((value) => value > 0)
  const instants = steps.map((step) => step.start)
  const kwh = (value: unknown): string => (typeof value === 'number' ? `${show(value, language.value)} kWh` : '–')
  const bars = { type: 'bar', stack: 'energy', barCategoryGap: '12%' } as const
  return {
    ...base,
    ...(hasEstimates ? { legend: legend([t('measured'), t('estimated')]) } : {}),
    tooltip: { trigger: 'axis', valueFormatter: kwh },
    xAxis: instantAxis(instants, zone, language.value, isWeek),
    yAxis: valueAxis('kWh'),
    dataZoom: [{ type: 'inside', zoomOnMouseWheel: 'ctrl' }],
    series: [
      {
        ...bars,
        name: t('measured'),
        data: measured,
        itemStyle: { color: BAR },
        markArea: gapAreas(isKnown, 'bars', stepsBefore(instants, isKnown, since)),
      },
      ...(hasEstimates ? [{ ...bars, name: t('estimated'), data: estimated, itemStyle: { color: AMBER } }] : []),
    ],
  }
}
