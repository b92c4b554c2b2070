import type { ProductionRow } from '@metergate/protocol/http'
import { toNumber } from './figures'

interface Span {
  readonly start: number
  readonly end: number
}

/**
 * Good output of a product in a period, by the rule of the box: what was counted in it, and what was declared where
 * nothing was counted. An entry across an end of the period gives the part that falls inside by time; one longer than
 * the period gives nothing. Undefined when nobody counted or declared anything. `rows` reach back one period length.
 */
export function outputOf(product: string, period: Span, rows: readonly ProductionRow[]): number | undefined {
  const own = rows.flatMap((row) =>
    row.product === product && row.count ? [{ ...row, made: toNumber(row.count) }] : [],
  )
  const counted = own.filter(({ source }) => source !== 'declared')
  const isFree = ({ start, end }: Span): boolean => !counted.some((each) => each.start >= start && each.start < end)
  const parts = [
    ...counted.filter(({ start }) => start >= period.start && start < period.end).map(({ made }) => made),
    ...own.filter((row) => row.source === 'declared' && isFree(row)).flatMap((row) => partOf(row, row.made, period)),
  ]
  return parts.length > 0 ? parts.reduce((sum, part) => sum + part, 0) : undefined
}

function partOf({ start, end }: Span, made: number, period: Span): number[] {
  const from = Math.max(start, period.start)
  const to = Math.min(end, period.end)
  if (to <= from) return []
  if (from === start && to === end) return [made]
  return end - start > period.end - period.start ? [] : [(made * (to - from)) / (end - start)]
}
