import type { SeriesAnswer } from '@metergate/protocol/http'
import type { EChartsCoreOption } from 'echarts/core'
import { BLUE, base, gapAreas, instantAxis, legend, stepsBefore, valueAxis } from './chart-parts'
import { show } from './figures'
import { language, t } from './texts'

const PALE = '#b9d4f2'

/** Power over time: the mean as a line, the highest as a band behind it; a gap stays a gap. */
export function powerChart(
  series: SeriesAnswer,
  zone: string,
  isWeek: boolean,
  since: number | undefined,
): EChartsCoreOption {
  const { buckets } = series
  const kw = (value: number | null): number | null => (value === null ? null : value / 1000)
  const instants = buckets.map((bucket) => bucket.at)
  const isKnown = buckets.map((bucket) => bucket.count > 0)
  return {
    ...base,
    legend: legend([t('mean'), t('max')]),
    tooltip: {
      trigger: 'axis',
      valueFormatter: (value: unknown) => (typeof value === 'number' ? `${show(value, language.value)} kW` : '–'),
    },
    xAxis: { ...instantAxis(instants, zone, language.value, isWeek), boundaryGap: false },
    yAxis: valueAxis('kW'),
    dataZoom: [{ type: 'inside', zoomOnMouseWheel: 'ctrl' }],
    series: [
      {
        name: t('max'),
        type: 'line',
        data: buckets.map((bucket) => kw(bucket.max)),
        showSymbol: false,
        lineStyle: { width: 1, color: PALE },
        itemStyle: { color: PALE },
        areaStyle: { color: '#dfecfa' },
        markArea: gapAreas(isKnown, 'line', stepsBefore(instants, isKnown, since)),
      },
      {
        name: t('mean'),
        type: 'line',
        data: buckets.map((bucket) => kw(bucket.mean)),
        showSymbol: false,
        lineStyle: { width: 1.8, color: BLUE },
        itemStyle: { color: BLUE },
      },
    ],
  }
}
