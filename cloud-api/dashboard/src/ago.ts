import { t } from './texts'

/** "12 s ago", in the reader's language. */
export function ago(ms: number): string {
  const n = Math.round(ms / 1000)
  if (n < 5) return t('now')
  if (n < 90) return t('secondsAgo', { n })
  if (n < 5400) return t('minutesAgo', { n: Math.round(n / 60) })
  if (n < 129_600) return t('hoursAgo', { n: Math.round(n / 3600) })
  return t('daysAgo', { n: Math.round(n / 86_400) })
}
