import { type Reconciliation, textOf } from './reconcile.js'

const TEXTS = {
  en: {
    title: 'Reconciliation at the last acknowledged reading of each meter',
    meter: 'meter',
    register: 'register',
    truth: 'truth',
    device: 'device',
    cloud: 'cloud',
    perProduct: 'kWh per pair, first to last reading',
    perLedger: (n: number) => `kWh per pair, ${n} closed ${n === 1 ? 'interval' : 'intervals'}`,
    readings: 'readings',
    taken: 'taken',
    stored: 'stored',
    records: 'records',
    acknowledged: 'acknowledged',
    waiting: 'waiting',
    lost: 'lost',
    doubled: 'doubled',
    replays: 'replays answered again',
    agree: 'Everything agrees to the last register digit.',
    differ: 'NOT everything agrees:',
  },
  zh: {
    title: '对账：各表最近一次已确认读数',
    meter: '电表',
    register: '寄存器',
    truth: '真值',
    device: '箱子',
    cloud: '云端',
    perProduct: '单位能耗 kWh/双（首末读数）',
    perLedger: (n: number) => `单位能耗 kWh/双（${n} 个时段）`,
    readings: '读数',
    taken: '采集',
    stored: '入库',
    records: '记录',
    acknowledged: '已确认',
    waiting: '待传',
    lost: '丢失',
    doubled: '重复',
    replays: '重发已识别',
    agree: '全部一致，精确到示数末位。',
    differ: '存在不一致：',
  },
} as const

/** Columns a terminal needs for `text`: Chinese characters take two. */
const columns = (text: string): number =>
  [...text].reduce((sum, char) => sum + (/[\u1100-\uffdc]/.test(char) ? 2 : 1), 0)
const left = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - columns(text)))
const right = (text: string, width: number): string => ' '.repeat(Math.max(0, width - columns(text))) + text

/** The table that ends the demo. */
export function reportText(result: Reconciliation, language: 'zh' | 'en'): string {
  const say = TEXTS[language]
  const rows = [
    [say.meter, say.register, say.truth, say.device, say.cloud, ''],
    ...result.registers.map((row) => [
      row.meter,
      row.quantity === 'pulse_count_1' ? 'pulse' : 'kWh',
      textOf(row.truth),
      textOf(row.device),
      textOf(row.cloud),
      row.agrees ? '=' : '≠',
    ]),
    [
      say.perProduct,
      '',
      textOf(result.unitEnergy.truth),
      textOf(result.unitEnergy.device),
      textOf(result.unitEnergy.cloud),
      result.unitEnergy.agrees ? '=' : '≠',
    ],
    [
      say.perLedger(result.ledger.figures),
      '',
      '',
      textOf(result.ledger.device),
      textOf(result.ledger.cloud),
      result.ledger.agrees ? '=' : '≠',
    ],
  ]
  const widths = [0, 1, 2, 3, 4, 5].map((column) => Math.max(...rows.map((row) => columns(row[column] ?? ''))))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column < 2 ? left(cell, widths[column] ?? 0) : right(cell, widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
  const { readings, records } = result
  return [
    '',
    say.title,
    ...lines.map((line) => `  ${line}`),
    '',
    `  ${say.readings}: ${readings.taken} ${say.taken}, ${readings.stored} ${say.stored}`,
    `  ${say.records}: ${records.stored} ${say.stored}, ${records.acknowledged} ${say.acknowledged}, ${records.waiting} ${say.waiting}, ${records.lost} ${say.lost}, ${records.doubled} ${say.doubled}, ${records.replays} ${say.replays}`,
    '',
    result.problems.length === 0
      ? say.agree
      : `${say.differ}\n${result.problems.map((problem) => `  - ${problem}`).join('\n')}`,
    '',
  ].join('\n')
}
