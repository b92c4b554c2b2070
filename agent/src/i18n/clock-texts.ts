import type { AnchorRecord } from '@metergate/protocol'
import type { Localized } from './localized.js'

/** Words of `metergate clock`, and of whatever waits for the right time. */
export const CLOCK = {
  cmdClock: { zh: '网关时钟：是否可信，人工确认', en: "the box's clock: can it be trusted, and confirming it by hand" },
  cmdShow: { zh: '显示时钟的状态与依据（默认）', en: 'show how the clock is and who vouches for it (the default)' },
  cmdConfirm: {
    zh: '确认网关显示的时间正确（先与可靠的钟核对）',
    en: 'confirm that the time the box shows is right, after comparing it with a good clock',
  },
  optWithin: {
    zh: '核对的精度，秒，1 到 600（默认 1）',
    en: 'how well it was compared, seconds, 1 to 600 (default 1)',
  },
  optYes: { zh: '不提问，直接确认', en: 'ask nothing: confirm it' },
  badWithin: (text: string): Localized => ({
    zh: `--within 的值 "${text}" 不对：写 1 到 600 的整数秒`,
    en: `--within "${text}" will not do: write whole seconds from 1 to 600`,
  }),
  shows: { zh: '网关时间', en: 'Shows' },
  knownFrom: { zh: '依据', en: 'Known from' },
  nobody: { zh: '尚无', en: 'nobody yet' },
  evidence: (source: Localized, age: Localized, within: string): Localized => ({
    zh: `${source.zh}，${age.zh}前，误差不超过 ${within} 秒`,
    en: `${source.en}, ${age.en} ago, within ${within} s`,
  }),
  offBy: { zh: '偏差', en: 'Off by' },
  againstCloud: { zh: '与平台相差', en: 'Against the cloud' },
  dispute: { zh: '不一致', en: 'Disagreement' },
  disputeOf: (source: Localized, against: Localized, seconds: string): Localized => ({
    zh: `${source.zh}与${against.zh}相差 ${seconds} 秒：请检查两者的对时`,
    en: `${source.en} and ${against.en} differ by ${seconds} s: look at how each of them gets its time`,
  }),
  waits: {
    zh: '尚无电量：网关时间未得到确认，读数已保存，时间确认后一并计算。让网关能对时（chrony、ntpd、timesyncd 或平台），或核对后执行 metergate clock confirm',
    en: 'no energy yet: nobody vouches for the clock. Readings are kept and counted once the time is known. Let the box reach a time server (chrony, ntpd, timesyncd) or the cloud, or compare its clock and run metergate clock confirm',
  },
  waitsShort: {
    zh: '电量等待时间确认，见 metergate clock',
    en: 'energy waits for the time, see metergate clock',
  },
  datedAfterwards: {
    zh: '读数按本次开机以来已知的时间推算',
    en: 'readings are dated from what is known of this start of the box',
  },
  isRight: (shown: string, zone: string): Localized => ({
    zh: `网关时间显示 ${shown}（${zone}）。正确吗？[y/N]`,
    en: `the box's clock shows ${shown} (${zone}). Is that right? [y/N]`,
  }),
  confirmed: (shown: string, within: number): Localized => ({
    zh: `已确认：${shown} 正确，误差不超过 ${within} 秒。有效至网关重新开机或时钟被改动；此后须再次确认`,
    en: `confirmed: ${shown} was right within ${within} s. This holds until the box starts again or its clock is set; confirm it again then`,
  }),
  betterKnown: (source: Localized): Localized => ({
    zh: `未采用：${source.zh}给出的时间更可靠，继续使用`,
    en: `not needed: ${source.en} knows the time better and still counts`,
  }),
  setFirst: {
    zh: '未确认：先把网关时间改正（如 sudo timedatectl set-time "2026-11-23 08:00:00"），再执行 metergate clock confirm',
    en: 'not confirmed: set the clock of the box first, e.g. sudo timedatectl set-time "2026-11-23 08:00:00", then run metergate clock confirm',
  },
  needsYes: {
    zh: '这里不能提问：与可靠的钟核对后加 --yes',
    en: 'nobody to ask here: compare it with a good clock, then use --yes',
  },
} as const satisfies Record<string, Localized | ((...facts: never[]) => Localized)>

export const CLOCK_SOURCE_TEXTS = {
  kernel: { zh: '系统（ntpd 等）', en: 'the system (ntpd or another)' },
  chrony: { zh: 'chrony', en: 'chrony' },
  timesyncd: { zh: 'timesyncd', en: 'timesyncd' },
  cloud: { zh: '平台', en: 'the cloud' },
  technician: { zh: '人工确认', en: 'the technician' },
} as const satisfies Record<AnchorRecord['source'], Localized>
