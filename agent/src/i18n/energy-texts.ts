import type { EnergyEventCode } from '../energy/interval-events.js'
import type { TariffPeriod } from '../energy/tariff.js'
import type { SpikeVerdict } from '../energy/vee.js'
import type { VeeCheckId } from '../energy/vee-table.js'
import type { Localized } from './localized.js'

/** Words of `metergate energy` and `metergate meter`. */
export const ENERGY = {
  optDay: { zh: '某一天，例如 2026-11-23；不写日期为今天', en: 'one day, e.g. 2026-11-23; today without a date' },
  bridged: (meter: string, kwh: string): Localized => ({
    zh: `${meter}：其中 ${kwh} kWh 为换表或复位期间无表计量的估算`,
    en: `${meter}: ${kwh} kWh of it no meter saw (estimated across an exchange or reset)`,
  }),
  expected: (used: string, expected: string, ratio: string, days: number): Localized => ({
    zh: `${days} 天实际 ${used} kWh，按基线应为 ${expected} kWh（比值 ${ratio}）`,
    en: `${days} days: used ${used} kWh, expected by the baseline ${expected} kWh (ratio ${ratio})`,
  }),
  measured: { zh: '实测', en: 'measured' },
  mixed: { zh: '不完整', en: 'incomplete' },
  quality: { zh: '合计质量', en: 'Total' },
  demand: { zh: '最大需量 kW', en: 'Demand kW' },
  demandSliding: { zh: '滑差需量 kW', en: 'Sliding kW' },
  demandAt: { zh: '需量时刻', en: 'Demand at' },
  loadFactor: { zh: '负荷率', en: 'Load factor' },
  powerFactor: { zh: '功率因数', en: 'Power factor' },
  baseLoad: { zh: '基荷 kW', en: 'Base load kW' },
  restDayLoad: { zh: '休息日 kW', en: 'Rest day kW' },
  nightShare: { zh: '夜间占比', en: 'Night' },
  idleHours: { zh: '空载 h', en: 'Idle h' },
  runHours: { zh: '运行 h', en: 'Running h' },
  coal: { zh: '折标煤 kgce', en: 'Coal kgce' },
  co2: { zh: '碳排放 kgCO2', en: 'kgCO2' },
  factors: (coal: string, co2: string): Localized => ({
    zh: `折算系数：${coal}，${co2}`,
    en: `factors: ${coal}, ${co2}`,
  }),
  group: { zh: '表组', en: 'Group' },
  groupKind: { zh: '方式', en: 'Kind' },
  mainAndSub: { zh: '总分表', en: 'main and sub' },
  sumKind: { zh: '相加', en: 'sum' },
  share: { zh: '占比', en: 'Share' },
  gap: { zh: '总分差', en: 'Gap' },
  gapBeyond: { zh: '超过 5%，请核查', en: 'beyond 5 %: look into it' },
  perKg: { zh: '每公斤', en: 'Per kg' },
  process: { zh: '工艺单耗', en: 'Process' },
  idleEnergy: { zh: '非生产用电', en: 'Idle energy' },
  tariff: { zh: '分时电量', en: 'Time of use' },
  period: { zh: '时段', en: 'Period' },
  uncovered: { zh: '无时段', en: 'no period' },
  billLine: (energy: string, basic: string, adjustment: string, total: string): Localized => ({
    zh: `电费估算：电度 ${energy} + 基本 ${basic} + 力调 ${adjustment} = ${total} 元（估算，非账单）`,
    en: `estimated cost: energy ${energy} + basic ${basic} + power factor ${adjustment} = ${total} CNY (an estimate, no bill)`,
  }),
  sharesEnergy: (product: string, others: readonly string[]): Localized => ({
    zh: `${product} 与 ${others.join('、')} 共用电表：各自按该表全部电量计算，不可相加`,
    en: `${product} shares a meter with ${others.join(', ')}: each is given all of that meter's energy, so they do not add up`,
  }),
  billEnergyOnly: (energy: string, without: readonly string[]): Localized => ({
    zh: `电度电费估算：${energy} 元，不含：${without.join('、')}（估算，非账单）`,
    en: `estimated cost of the energy: ${energy} CNY, without: ${without.join(', ')} (an estimate, no bill)`,
  }),
  billEstimated: (estimated: string): Localized => ({
    zh: `其中 ${estimated} kWh 为估算电量`,
    en: `${estimated} kWh of it are estimated`,
  }),
  billMissing: (what: readonly string[]): Localized => ({
    zh: `电费无法估算，缺：${what.join('、')}`,
    en: `no cost estimate, for want of: ${what.join(', ')}`,
  }),
  baseline: { zh: '能耗基线', en: 'Baseline' },
  baselineLine: (b0: string, b1: string, r2: string, n: number): Localized => ({
    zh: `每日 = ${b0} + ${b1} × 产量（R² ${r2}，${n} 天）`,
    en: `a day = ${b0} + ${b1} × output (R² ${r2}, ${n} days)`,
  }),
  baselineRejected: (why: readonly string[]): Localized => ({
    zh: `基线不合格：${why.join('、')}`,
    en: `the baseline is not good enough: ${why.join(', ')}`,
  }),
  baselineNone: { zh: '基线数据不足', en: 'not enough days for the baseline' },
  cusum: (saved: string, days: number): Localized => ({
    zh: `${days} 天累计节电（CUSUM）${saved} kWh`,
    en: `saved over ${days} days (CUSUM): ${saved} kWh`,
  }),
  cusumAlarm: { zh: '能耗偏离基线', en: 'energy has left its baseline' },
  checks: { zh: '数据核查（只标记，不改数值）', en: 'Checks (they flag, they change nothing)' },
  check: { zh: '核查项', en: 'Check' },
  findings: { zh: '次数', en: 'Findings' },
  first: { zh: '首次', en: 'First' },
  example: { zh: '例（限值）', en: 'E.g. (limit)' },
  events: { zh: '事件', en: 'Events' },
  at: { zh: '时刻', en: 'At' },
  curveOfMain: (meter: string): Localized => ({ zh: `${meter}（总表）`, en: `${meter} (main meter)` }),
  curveMost: (kwh: string): Localized => ({ zh: `最高 ${kwh} kWh`, en: `highest ${kwh} kWh` }),

  cmdMeter: { zh: '电表维护', en: 'work on meters' },
  cmdMeterExchange: {
    zh: '登记换表或换互感器：旧表止数、新表起数',
    en: 'record an exchanged meter or transformer: last and first register',
  },
  optAt: { zh: '更换时刻，如 "2026-11-23 10:30"（默认现在）', en: 'when, "2026-11-23 10:30" (default now)' },
  optOldEnd: {
    zh: '旧表止数，正向有功 kWh（已乘倍率）',
    en: 'last register of the old meter, kWh import, CT and PT applied',
  },
  optNewStart: {
    zh: '新表起数，正向有功 kWh（已乘倍率）',
    en: 'first register of the new meter, kWh import, CT and PT applied',
  },
  optNewAt: { zh: '新表投运时刻（默认与 --at 相同）', en: 'when the new meter began (default: as --at)' },
  optRatio: { zh: '只换互感器，不换表', en: 'the transformers were changed, not the meter' },
  badRegister: (text: string): Localized => ({
    zh: `示数 "${text}" 不对：写不小于 0 的数，例如 12345.67`,
    en: `"${text}" is no register value: write a number of 0 or more, e.g. 12345.67`,
  }),
  newBeforeOld: { zh: '新表投运不能早于更换时刻', en: 'the new meter cannot begin before the old one ended' },
  futureExchange: (at: string, now: string): Localized => ({
    zh: `时刻 ${at} 晚于现在 ${now}：换好之后再登记，检查日期`,
    en: `${at} is after now, ${now}: record an exchange when it has been made; check the date`,
  }),
  oldEndContradicts: (last: string): Localized => ({
    zh: `旧表止数与最后读到的 ${last} kWh 不符（小于它，或高得不可能）：检查数字和倍率（须已乘 CT、PT），不确定时去掉 --old-end`,
    en: `the last register of the old meter contradicts ${last} kWh, the last one read: it is below, or impossibly far above. Check the digits and that CT and PT are applied, or leave --old-end out`,
  }),
  exchanged: (meter: string, unmeteredS: number | undefined): Localized => ({
    zh: `${meter} 换表已登记，${unmeteredS === undefined ? '未计量时间未知' : `未计量 ${unmeteredS} 秒`}`,
    en: `exchange of ${meter} recorded, ${unmeteredS === undefined ? 'time without a meter unknown' : `${unmeteredS} s without a meter`}`,
  }),
  exchangedAfter: (meter: string, intervals: number): Localized => ({
    zh: `${meter} 换表已登记；登记时新读数已计入，已将 ${intervals} 个间隔改为存疑，其电量未知`,
    en: `exchange of ${meter} recorded; what the new meter read had been counted already, so ${intervals} interval(s) are now suspect, their energy unknown`,
  }),
  exchangedLate: (meter: string): Localized => ({
    zh: `${meter} 换表已登记为证据；新表读数此前已按复位处理，该间隔仍标记为存疑`,
    en: `exchange of ${meter} recorded as evidence; its readings had already been taken for a reset, so that interval stays suspect`,
  }),
} as const satisfies Record<string, Localized | ((...facts: never[]) => Localized)>

export const TARIFF_TEXTS: Readonly<Record<TariffPeriod, Localized>> = {
  sharp: { zh: '尖', en: 'sharp' },
  peak: { zh: '峰', en: 'peak' },
  flat: { zh: '平', en: 'flat' },
  valley: { zh: '谷', en: 'valley' },
  deep_valley: { zh: '深谷', en: 'deep valley' },
}

/** Every event that computing intervals can give. */
export const ENERGY_EVENT_TEXTS: Readonly<Record<EnergyEventCode, Localized>> = {
  register_rollover: { zh: '示数翻转', en: 'the register rolled over' },
  register_decrease: {
    zh: '示数下降（复位或未登记的换表）',
    en: 'the register fell: a reset, or an exchange nobody recorded',
  },
  register_jump: { zh: '示数突增，超出可能功率', en: 'the register rose faster than its feed can drive it' },
  momentary_value: { zh: '瞬时异常读数，未采用', en: 'a momentary odd value, not used' },
  reading_gap: {
    zh: '一段时间无读数；合计为实测，分布为估算',
    en: 'no readings for a while: the total is measured, its shape estimated',
  },
  reading_gap_too_long: { zh: '中断过长，未分摊', en: 'a silence too long to spread' },
  meter_exchange: { zh: '换表', en: 'the meter was exchanged' },
  ratio_change: { zh: '互感器变比更改', en: 'the transformer ratio was changed' },
  clock_back: { zh: '时钟回拨，分段重新开始', en: 'the clock went back: segments begin anew' },
}

export const VEE_TEXTS: Readonly<Record<VeeCheckId, Localized>> = {
  missing: { zh: '缺数', en: 'missing' },
  duplicate: { zh: '重复', en: 'duplicate' },
  interval_size: { zh: '计量时间不足', en: 'metered too short' },
  spike: { zh: '尖峰', en: 'spike' },
  sum: { zh: '合计不符', en: 'sum' },
  high_low: { zh: '日用量异常', en: 'high or low day' },
  zero_run: { zh: '连续为零', en: 'zeros in a row' },
  negative: { zh: '示数下降', en: 'register fell' },
  demand_limit: { zh: '超容量', en: 'beyond contract power' },
  demand_step: { zh: '突变', en: 'step' },
  reactive: { zh: '功率因数过低', en: 'power factor too low' },
  energy_balance: { zh: '总分不平', en: 'balance' },
  load_factor: { zh: '负荷率异常', en: 'load factor' },
  tou_sum: { zh: '分时合计不符', en: 'rates do not add up' },
}

/** What a day's spike is, by the register. */
export const SPIKE_TEXTS: Readonly<Record<SpikeVerdict, Localized>> = {
  real_use: { zh: '示数相符，确为用电', en: 'used: the register agrees' },
  corrupt: { zh: '示数不符，数据有误', en: 'wrong: the register disagrees' },
  open: { zh: '无示数可比', en: 'no register to compare' },
}

export const FIGURE_REASON_TEXTS = {
  insufficient_data: { zh: '数据不足', en: 'not enough data' },
  not_configured: { zh: '未配置', en: 'not configured' },
  no_activity: { zh: '无用电', en: 'no activity' },
  one_mode: { zh: '单一状态', en: 'one mode' },
} as const satisfies Record<string, Localized>

/** What a cost estimate lacks, from the report's own name for it; a price is named as the configuration writes it. */
export function billLack(name: string): Localized {
  const [what, detail] = name.split(':')
  if (what === 'basic') return { zh: '基本电费（仅按整月计）', en: 'the basic fee (for whole months only)' }
  if (what === 'pf') return { zh: '力调电费（仅按整月计）', en: 'the power-factor adjustment (for whole months only)' }
  if (what === 'coverage')
    return {
      zh: `足够的计量数据（仅覆盖 ${detail}‰，至少需 900‰）`,
      en: `metered time (${detail} per mille of it, at least 900 are needed)`,
    }
  if (what === 'holidays')
    return { zh: `${detail} 的节假日安排（软件未收录）`, en: `the holidays of ${detail} (not in this version)` }
  return { zh: name, en: name }
}
