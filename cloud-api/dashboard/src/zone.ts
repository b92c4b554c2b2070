const DAY_MS = 86_400_000

const formats = new Map<string, Intl.DateTimeFormat>()

/** Making a format takes a hundred times longer than using it. */
function clockOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known) return known
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  formats.set(zone, format)
  return format
}

/** Offset of `zone` from UTC at `at`, in milliseconds (east positive). */
function offsetAt(zone: string, at: number): number {
  const parts = clockOf(zone).formatToParts(at)
  const part = (type: string): number => Number(parts.find((entry) => entry.type === type)?.value ?? 0)
  return (
    Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second')) -
    Math.floor(at / 1000) * 1000
  )
}

/** The plant's clock at `at`. */
export function localTime(zone: string, at: number): { readonly hour: number; readonly minute: number } {
  const minutes = Math.floor((at + offsetAt(zone, at)) / 60_000)
  return { hour: Math.floor(minutes / 60) % 24, minute: minutes % 60 }
}

/** Midnight, plant time, of the day that holds `at`. */
export function startOfDay(zone: string, at: number): number {
  const local = at + offsetAt(zone, at)
  const midnight = Math.floor(local / DAY_MS) * DAY_MS
  const guess = midnight - offsetAt(zone, at)
  // On the day of a clock change the offset at midnight differs from the one now.
  return midnight - offsetAt(zone, guess)
}

/** Midnights of the `count` plant days that end with the one holding `at`, oldest first. */
export function lastDays(zone: string, at: number, count: number): number[] {
  const today = startOfDay(zone, at)
  return Array.from({ length: count }, (_, i) => startOfDay(zone, today - (count - 1 - i) * DAY_MS + DAY_MS / 2))
}

/** `08:25`, or with the day `11/23 08:25`. */
export function clockLabel(zone: string, at: number, language: 'zh' | 'en', withDay: boolean): string {
  const { hour, minute } = localTime(zone, at)
  const clock = `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`
  return withDay ? `${dateLabel(zone, at, language)} ${clock}` : clock
}

/** `11/23 周一` or `Mon 23 Nov`. */
export function dayLabel(zone: string, at: number, language: 'zh' | 'en'): string {
  const weekday = new Date(at + offsetAt(zone, at)).getUTCDay()
  const [zh, en] = [`周${'日一二三四五六'[weekday]}`, WEEKDAYS[weekday]]
  return language === 'zh' ? `${dateLabel(zone, at, language)} ${zh}` : `${en} ${dateLabel(zone, at, language)}`
}

function dateLabel(zone: string, at: number, language: 'zh' | 'en'): string {
  const local = new Date(at + offsetAt(zone, at))
  const [month, day] = [local.getUTCMonth(), local.getUTCDate()]
  return language === 'zh' ? `${month + 1}/${day}` : `${day} ${MONTHS[month]}`
}

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
