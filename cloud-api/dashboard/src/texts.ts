import { computed, ref } from 'vue'

/** The page's words in both languages; a missing translation does not compile. */
const zh = {
  title: '工厂用电',
  signIn: '请输入访问口令',
  signInHint: '口令由管理员生成：metergate-cloud token create。用电曲线会透露订单情况，查看需凭口令。',
  signInButton: '进入',
  tokenRefused: '口令无效或已撤销，请重新输入。',
  offline: '暂时连不上云端，正在重试…',
  plants: '网关',
  online: '在线',
  stale: '离线',
  lastSeen: '最近通信',
  backlog: '待上传',
  backlogNone: '无积压',
  never: '从未',
  now: '刚刚',
  secondsAgo: '{n} 秒前',
  minutesAgo: '{n} 分钟前',
  hoursAgo: '{n} 小时前',
  daysAgo: '{n} 天前',
  energyToday: '今日用电',
  outputToday: '今日产量',
  unitEnergyToday: '今日单位能耗',
  powerNow: '当前功率',
  versusWeek: '比前几日',
  versusWeekHint: '前几日：所示各天的用电量之和 ÷ 产量之和',
  noData: '暂无数据',
  power: '功率曲线',
  energy: '用电量',
  energyByDay: '每日用电与单位能耗',
  energyOnlyByDay: '每日用电',
  heat: '每小时用电',
  meter: '电表',
  meters: '电表一览',
  products: '产品一览',
  product: '产品',
  state: '状态',
  today: '今日',
  share: '占总表',
  model: '型号',
  register: '电表读数',
  range24h: '24 小时',
  range7d: '7 天',
  estimated: '估算',
  missing: '缺数',
  notSettlement: '本数据用于能源管理，不作贸易结算依据。',
  formula: '单位能耗 = {meters} 的用电量 ÷ 合格产量（只计两者都已知的时段）',
  timesIn: '时间为工厂当地时间',
  noGateways: '还没有网关接入。请在网关上运行：metergate enrol <邀请码>',
  no_production: '有用电，无产量',
  no_activity: '停产',
  missing_production: '缺少产量数据',
  insufficient_data: '数据不足',
  not_configured: '未配置产品',
  max: '最高',
  mean: '平均',
  pair: '双',
  pairs: '双',
  pieces: '件',
  kg: '千克',
  unitKwhPer: 'kWh/{unit}',
  unitEnergy: '单位能耗',
  yesterday: '昨日全天 {kwh} kWh',
  loading: '正在读取…',
  failed: '部分数据暂时读不到，正在重试；页面上是上次读到的。',
  measured: '实测',
  noProduct: '未配置产品',
  late: '通信延迟',
  neverOnline: '尚未上线',
  revoked: '已停用',
  meterSilent: '{meter} 无应答',
  busDown: '{bus} 线路中断',
  clockUnknown: '网关时钟未校准',
  clockOff: '网关时钟偏差 {seconds} 秒',
  storeDegraded: '网关存储异常',
  recordsLost: '网关存储已满，舍弃了 {n} 条最旧记录',
  setAside: '网关隔离了 {n} 条损坏记录',
  records: '条',
  meterOk: '正常',
  meterUnsteady: '时有故障',
  meterNoAnswer: '无应答',
  meterUnknown: '未知',
  ratioOf: '{meters}：{kwh} kWh ÷ {output} {unit}',
  ofThisMatched: '其中 {n} 与用电量对应',
  ofThisMatchedHint: '其余产量所在时段的用电量未知，不计入单位能耗',
  noMain: '{meter}（未指定总表）',
}

const en: typeof zh = {
  title: 'Plant electricity',
  signIn: 'Enter your access token',
  signInHint: 'Made by metergate-cloud token create. Load curves show a plant’s orders, so looking needs a token.',
  signInButton: 'Open',
  tokenRefused: 'This token is not valid or was revoked. Enter another.',
  offline: 'The cloud can’t be reached just now; trying again…',
  plants: 'Gateways',
  online: 'online',
  stale: 'offline',
  lastSeen: 'last seen',
  backlog: 'waiting to upload',
  backlogNone: 'no backlog',
  never: 'never',
  now: 'just now',
  secondsAgo: '{n} s ago',
  minutesAgo: '{n} min ago',
  hoursAgo: '{n} h ago',
  daysAgo: '{n} d ago',
  energyToday: 'Energy today',
  outputToday: 'Output today',
  unitEnergyToday: 'Unit energy today',
  powerNow: 'Power now',
  versusWeek: 'against the days before',
  versusWeekHint: 'the days before: the sum of their energy ÷ the sum of their output',
  noData: 'no data yet',
  power: 'Power',
  energy: 'Energy',
  energyByDay: 'Energy and unit energy by day',
  energyOnlyByDay: 'Energy by day',
  heat: 'Energy by hour',
  meter: 'Meter',
  meters: 'Meters',
  products: 'Products',
  product: 'Product',
  state: 'State',
  today: 'Today',
  share: 'Share of main',
  model: 'Model',
  register: 'Register',
  range24h: '24 hours',
  range7d: '7 days',
  estimated: 'estimated',
  missing: 'missing',
  notSettlement: 'For energy management, not for trade settlement.',
  formula: 'Unit energy = energy of {meters} ÷ good output, over the time where both are known',
  timesIn: 'Times in the plant’s zone',
  noGateways: 'No gateway has enrolled yet. On the box run: metergate enrol <code>',
  no_production: 'energy without output',
  no_activity: 'at rest',
  missing_production: 'output not known',
  insufficient_data: 'not enough data',
  not_configured: 'no product configured',
  max: 'max',
  mean: 'mean',
  pair: 'pair',
  pairs: 'pairs',
  pieces: 'pc',
  kg: 'kg',
  unitKwhPer: 'kWh/{unit}',
  unitEnergy: 'Unit energy',
  yesterday: 'yesterday {kwh} kWh',
  loading: 'Loading…',
  failed: 'Some figures can’t be fetched just now; shown is what was fetched before.',
  measured: 'measured',
  noProduct: 'no product configured',
  late: 'late',
  neverOnline: 'not heard of yet',
  revoked: 'revoked',
  meterSilent: '{meter} does not answer',
  busDown: 'line {bus} is down',
  clockUnknown: 'the gateway does not know the time',
  clockOff: 'the gateway’s clock is off by {seconds} s',
  storeDegraded: 'the gateway’s store is damaged',
  recordsLost: 'the gateway’s store was full: {n} oldest records given up',
  setAside: '{n} damaged records are set aside on the gateway',
  records: 'records',
  meterOk: 'ok',
  meterUnsteady: 'unsteady',
  meterNoAnswer: 'no answer',
  meterUnknown: 'unknown',
  ratioOf: '{meters}: {kwh} kWh ÷ {output} {unit}',
  ofThisMatched: '{n} of them matched with energy',
  ofThisMatchedHint: 'the rest was made while the energy was not known, and does not count in the unit energy',
  noMain: '{meter} (no main meter named)',
}

export type Language = 'zh' | 'en'
export type TextKey = keyof typeof zh

const stored = (): Language => {
  const wanted =
    new URLSearchParams(location.search).get('lang') ?? localStorage.getItem('metergate.lang') ?? navigator.language
  return wanted.startsWith('en') ? 'en' : 'zh'
}

export const language = ref<Language>(stored())

export function setLanguage(next: Language): void {
  language.value = next
  localStorage.setItem('metergate.lang', next)
  document.documentElement.lang = next === 'zh' ? 'zh-CN' : 'en'
  document.title = `${t('title')} · metergate`
}

const table = computed(() => (language.value === 'zh' ? zh : en))

/** The text for `key` in the language now chosen, with `{name}` filled in. */
export function t(key: TextKey, values: Readonly<Record<string, string | number>> = {}): string {
  return table.value[key].replaceAll(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''))
}

export const isTextKey = (key: string): key is TextKey => Object.hasOwn(zh, key)

/** A product's unit in the reader's language; unknown units stay as configured. */
export const unitLabel = (unit: string): string => (isTextKey(unit) ? t(unit) : unit)

/** The unit behind a count: `5,117 pairs`. */
export const countLabel = (unit: string): string => unitLabel(unit === 'pair' ? 'pairs' : unit)
