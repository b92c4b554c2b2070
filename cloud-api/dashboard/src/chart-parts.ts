import { t } from './texts'
import { clockLabel, dayLabel, localTime } from './zone'

export const INK = '#5b6b7b'
export const BLUE = '#0b6bcb'
export const BAR = '#4c93dd'
export const GREEN = '#12875a'
export const AMBER = '#f0b763'
/** Of words: what needs a second look. */
export const DARK_AMBER = '#b86a00'

export const axisText = { color: INK, fontSize: 12 } as const
export const base = {
  animation: false,
  textStyle: { fontFamily: 'inherit' },
  grid: { left: 52, right: 18, top: 40, bottom: 30 },
} as const

export const legend = (data: readonly string[]) => ({ data: [...data], left: 'center', top: 4, textStyle: axisText })

export const valueAxis = (name: string) => ({
  type: 'value' as const,
  name,
  nameTextStyle: axisText,
  axisLabel: axisText,
  splitLine: { lineStyle: { color: '#edf0f4' } },
})

/** Instants along the bottom: labels at round hours of the plant's clock, or at its midnights over several days. */
export function instantAxis(instants: readonly number[], zone: string, language: 'zh' | 'en', isWeek: boolean) {
  const everyHours = isWeek ? 24 : 3
  return {
    type: 'category' as const,
    data: instants.map((at) => clockLabel(zone, at, language, true)),
    axisLabel: {
      ...axisText,
      hideOverlap: true,
      interval: (index: number): boolean => {
        const { hour, minute } = localTime(zone, instants[index] ?? 0)
        return minute === 0 && hour % everyHours === 0
      },
      formatter: (_: string, index: number): string => {
        const at = instants[index] ?? 0
        return isWeek ? dayLabel(zone, at, language) : clockLabel(zone, at, language, false)
      },
    },
    // Not shown, but one per step: marked areas over bars end at ticks.
    axisTick: { show: false, interval: 0 },
  }
}

/**
 * Grey areas where nothing is known: over the bars that are not there, or from point to point of a line. The newest step
 * is left out: its data may still be on the way; and so are the first `before` steps, when nobody measured yet.
 */
export function gapAreas(isKnown: readonly boolean[], over: 'bars' | 'line', before: number) {
  const areas: { from: number; to: number }[] = []
  for (const [index, known] of isKnown.slice(0, -1).entries()) {
    const last = areas.at(-1)
    if (known || index < before) continue
    if (last?.to === index - 1) last.to = index
    else areas.push({ from: index, to: index })
  }
  const reach = over === 'line' ? 1 : 0
  const end = isKnown.length - 1
  return {
    silent: true,
    itemStyle: { color: '#eceff3' },
    data: areas.map(({ from, to }) => [
      // A word where there is room for it.
      { xAxis: Math.max(0, from - reach), label: gapLabel((to - from) / isKnown.length > 0.03) },
      { xAxis: Math.min(end, to + reach) },
    ]),
  }
}

/** How many of the first steps lie before the first reading: all up to the first known one, unless it is older than they are. */
export function stepsBefore(
  instants: readonly number[],
  isKnown: readonly boolean[],
  since: number | undefined,
): number {
  const first = isKnown.indexOf(true)
  const known = first < 0 ? instants.length : first
  return since === undefined
    ? known
    : Math.min(
        known,
        Math.max(
          0,
          instants.findLastIndex((at) => at <= since),
        ),
      )
}

const gapLabel = (show: boolean) => ({
  show,
  position: 'inside' as const,
  color: INK,
  fontSize: 11,
  formatter: t('missing'),
})
