import type { EChartsCoreOption } from 'echarts/core'
import { axisText, BAR, base, DARK_AMBER, GREEN, gapAreas, legend, valueAxis } from './chart-parts'
import { type EnergyFigure, percentKnown, show, type UnitEnergyFigure } from './figures'
import { language, t, unitLabel } from './texts'
import { dayLabel } from './zone'

export interface DayFigure {
  readonly start: number
  readonly energy: EnergyFigure | undefined
  readonly unitEnergy: UnitEnergyFigure | undefined
}

/** Whose figures they are. */
export interface DaysAbout {
  /** Label of the meter whose energy the bars show. */
  readonly meter: string
  /** Unit of the product shown and the labels of its meters. */
  readonly product?: { readonly unit: string; readonly meters: readonly string[] }
}

/**
 * One bar a day for energy and one point a day for unit energy: is it getting better? The running day is paler, and a bar says
 * how much of its day it is the energy of where that is not all.
 */
export function daysChart(days: readonly DayFigure[], zone: string, about: DaysAbout): EChartsCoreOption {
  const today = days.length - 1
  const labels = days.map((day, i) => (i === today ? t('today') : dayLabel(zone, day.start, language.value)))
  const { product } = about
  const hasUnit = product !== undefined
  // The two are of different meters, and the names say so: else one would divide the wrong figures.
  const bars = `${t('energy')} · ${about.meter}`
  const line = product && `${t('unitEnergy')} · ${product.meters.join(' + ')}`
  return {
    ...base,
    // The long names stand below, where they may take two lines on a phone.
    grid: { ...base.grid, right: hasUnit ? 56 : base.grid.right, bottom: 74 },
    legend: { ...legend(line === undefined ? [bars] : [bars, line]), top: 'auto', bottom: 0 },
    tooltip: { trigger: 'axis' },
    xAxis: {
      type: 'category',
      data: labels,
      axisLabel: { ...axisText, hideOverlap: true },
      axisTick: { show: false, interval: 0 },
    },
    yAxis: [energyAxis(hasUnit), ...(product ? [unitAxis(per(product.unit))] : [])],
    series: [energyBars(days, today, bars), ...(product ? [unitLine(days, per(product.unit), line ?? '')] : [])],
  }
}

const per = (unit: string): string => t('unitKwhPer', { unit: unitLabel(unit) })

/** The line runs above the bars, where its figures can be read. */
const unitAxis = (name: string) => ({
  ...valueAxis(name),
  splitLine: { show: false },
  min: 0,
  max: ({ max }: { max: number }) => roundUp(max * 1.15),
})

const energyAxis = (hasUnit: boolean) => ({
  ...valueAxis('kWh'),
  ...(hasUnit ? { max: ({ max }: { max: number }) => roundUp(max * 1.7) } : {}),
})

/** The next number an axis can end with. */
function roundUp(value: number): number | null {
  if (!(value > 0)) return null
  const power = 10 ** Math.floor(Math.log10(value))
  const step = [1, 1.2, 1.4, 1.6, 2, 2.5, 3, 4, 5, 6, 7, 8, 10].find((each) => each * power >= value) ?? 10
  return Number((step * power).toPrecision(3))
}

const energyBars = (days: readonly DayFigure[], today: number, name: string) => ({
  name,
  type: 'bar',
  data: days.map((day, i) => ({
    value: day.energy?.kwh ?? null,
    itemStyle: { opacity: i === today ? 0.55 : 1 },
    label: { show: knownOf(day) !== '' },
  })),
  label: {
    position: 'top',
    color: DARK_AMBER,
    // Not that of the pale bar.
    opacity: 1,
    fontSize: 11,
    // Two lines, since on a phone a day is narrow.
    formatter: ({ dataIndex }: { dataIndex: number }) => knownOf(days[dataIndex]).replace(/ (?=\S+$)/, '\n'),
  },
  itemStyle: { color: BAR, borderRadius: [4, 4, 0, 0] },
  markArea: gapAreas(
    days.map(({ energy }) => energy !== undefined),
    'bars',
    days.findIndex(({ energy }) => energy !== undefined),
  ),
  barMaxWidth: 44,
  tooltip: {
    valueFormatter: (value: unknown, index: number) =>
      typeof value === 'number'
        ? [`${show(value, language.value)} kWh`, knownOf(days[index])].filter(Boolean).join(' · ')
        : '–',
  },
})

function knownOf(day: DayFigure | undefined): string {
  const n = day?.energy && percentKnown(day.energy.known)
  return n === undefined ? '' : t('known', { n })
}

const unitLine = (days: readonly DayFigure[], unit: string, name: string) => ({
  name,
  type: 'line',
  yAxisIndex: 1,
  data: days.map((day) => day.unitEnergy?.value ?? null),
  symbolSize: 9,
  lineStyle: { color: GREEN, width: 2 },
  itemStyle: { color: GREEN },
  labelLayout: { hideOverlap: true },
  label: {
    show: true,
    position: 'top',
    color: GREEN,
    fontWeight: 600,
    textBorderColor: '#fff',
    textBorderWidth: 3,
    formatter: ({ value }: { value: number | null }) => (value === null ? '' : show(value, language.value, 3)),
  },
  tooltip: {
    valueFormatter: (value: unknown, index: number) => {
      if (typeof value === 'number') return `${show(value, language.value, 3)} ${unit}`
      const reason = days[index]?.unitEnergy?.reason
      return reason ? `– ${t(reason)}` : '–'
    },
  },
})
