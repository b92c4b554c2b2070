import type { EnergyStep } from '@metergate/protocol/http'
import type { EChartsCoreOption } from 'echarts/core'
import { AMBER, BAR, base, gapAreas, instantAxis, legend, stepsBefore, valueAxis } from './chart-parts'
import { percentKnown, show, toNumber } from './figures'
import { language, t } from './texts'

/**
 * Energy per hour as bars, what is estimated in another colour on top; hours without any are grey, and one that was metered in
 * part is paler and says so.
 */
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
  // The newest hour may still be running.
  const known = steps.map((step, i) => (i < steps.length - 1 ? percentKnown(step.coverage / 1000) : undefined))
  const kwh = (value: unknown, index: number): string => {
    if (typeof value !== 'number') return '–'
    const n = known[index]
    return `${show(value, language.value)} kWh${n === undefined ? '' : ` · ${t('known', { n })}`}`
  }
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
        data: measured.map((value, i) => ({ value, itemStyle: { opacity: known[i] === undefined ? 1 : 0.55 } })),
        itemStyle: { color: BAR },
        markArea: gapAreas(isKnown, 'bars', stepsBefore(instants, isKnown, since)),
      },
      ...(hasEstimates ? [{ ...bars, name: t('estimated'), data: estimated, itemStyle: { color: AMBER } }] : []),
    ],
  }
}
