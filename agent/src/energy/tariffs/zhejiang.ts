import { type Tariff, tariffSchema } from '../tariff.js'

const valley2024 = [
  { from: 0, to: 8, period: 'valley' },
  { from: 11, to: 13, period: 'valley' },
]
const night2026 = [
  { from: 0, to: 7, period: 'valley' },
  { from: 7, to: 11, period: 'flat' },
  { from: 11, to: 14, period: 'valley' },
  { from: 14, to: 16, period: 'flat' },
  { from: 23, to: 24, period: 'flat' },
]
const SPRING_AUTUMN = [2, 3, 4, 5, 6, 9, 10, 11]
const SUMMER_WINTER = [1, 7, 8, 12]
const HOLIDAY_SOURCE =
  'State Council holiday notices as generally known; check against the notice of the year before using it for money'

/**
 * Zhejiang's time-of-use periods for industry. The first version's start and the holiday dates are from general
 * knowledge and the notices were seen in secondary copies only: for management, not for trade settlement.
 */
export const ZHEJIANG_TOU: Tariff = tariffSchema.parse({
  id: 'zhejiang-industry-tou',
  tariff_kind: 'government_tou',
  title: { zh: '浙江省工商业分时电价', en: 'Zhejiang time-of-use periods for industry' },
  versions: [
    {
      id: 'ZJ-2024-21',
      valid_from: '2024-03-01',
      seasons: [
        {
          months: SPRING_AUTUMN,
          hours: [
            ...valley2024,
            { from: 8, to: 11, period: 'peak' },
            { from: 13, to: 17, period: 'peak' },
            { from: 17, to: 24, period: 'flat' },
          ],
        },
        {
          months: SUMMER_WINTER,
          hours: [
            ...valley2024,
            { from: 8, to: 9, period: 'peak' },
            { from: 9, to: 11, period: 'sharp' },
            { from: 13, to: 15, period: 'flat' },
            { from: 15, to: 17, period: 'sharp' },
            { from: 17, to: 23, period: 'peak' },
            { from: 23, to: 24, period: 'flat' },
          ],
        },
      ],
      holiday_rules: ['spring_festival', 'labour_day', 'national_day'].map((holiday) => ({
        holiday,
        from: 10,
        to: 14,
        period: 'deep_valley',
      })),
      sources: ['浙发改价格〔2024〕21号, as quoted in the grid company’s notes on agency prices'],
      note: 'Start date and price ratios not found in a citable copy; no ratios are given.',
    },
    {
      id: 'ZJ-2026-112',
      valid_from: '2026-07-01',
      seasons: [
        { months: SPRING_AUTUMN, hours: [...night2026, { from: 16, to: 23, period: 'peak' }] },
        {
          months: SUMMER_WINTER,
          hours: [
            ...night2026,
            { from: 16, to: 18, period: 'peak' },
            { from: 18, to: 22, period: 'sharp' },
            { from: 22, to: 23, period: 'peak' },
          ],
        },
      ],
      holiday_rules: [
        { holiday: 'spring_festival', from: 9, to: 15, period: 'deep_valley' },
        { holiday: 'labour_day', first_days: 3, from: 9, to: 15, period: 'deep_valley' },
        { holiday: 'national_day', first_days: 3, from: 9, to: 15, period: 'deep_valley' },
      ],
      ratios: {
        sharp: { n: 205, exp: -2 },
        peak: { n: 185, exp: -2 },
        flat: { n: 1, exp: 0 },
        valley: { n: 4, exp: -1 },
        deep_valley: { n: 2, exp: -1 },
      },
      sources: [
        '浙发改价格〔2026〕112号, issued 2026-05-28, in force from 2026-07-01, as quoted in three independent repositories',
        'https://zj.gov.cn/col/col1229203589/art/2026/art_db07d88b6c68f1412561a0e8640cc135.html (cited, not verified)',
      ],
    },
  ],
  holidays: [
    holiday('spring_festival', '2024-02-10', 8),
    holiday('labour_day', '2024-05-01', 5),
    holiday('national_day', '2024-10-01', 7),
    holiday('spring_festival', '2025-01-28', 8),
    holiday('labour_day', '2025-05-01', 5),
    holiday('national_day', '2025-10-01', 8),
    holiday('spring_festival', '2026-02-15', 9),
    holiday('labour_day', '2026-05-01', 5),
    holiday('national_day', '2026-10-01', 7),
  ],
})

function holiday(name: string, first: string, days: number) {
  const start = Date.parse(`${first}T00:00:00Z`)
  const dates = Array.from({ length: days }, (_, day) => new Date(start + day * 86_400_000).toISOString().slice(0, 10))
  return { name, dates, source: HOLIDAY_SOURCE }
}
