import type { GapRecord } from '@metergate/protocol'
import type { StoreEventCode } from '../store/read-only.js'
import type { FindingKind } from '../store/verify.js'
import type { Localized } from './localized.js'

/** Words of `metergate verify` and `metergate export`. */
export const STORE = {
  cmdVerify: {
    zh: '核对本地存储：找出被改动、删除、插入或调换的记录',
    en: 'check the local store: name whatever was changed, removed, inserted or reordered',
  },
  cmdExport: { zh: '导出本地历史为 CSV 或 JSON', en: 'export local history as CSV or JSON' },
  optWhat: {
    zh: '导出内容：readings（默认）、intervals、production、events、all',
    en: 'what to export: readings (the default), intervals, production, events, all',
  },
  optOnlyMeter: { zh: '只要这块电表', en: 'of this meter only' },
  optJsonLines: { zh: '每行一个 JSON 记录', en: 'one JSON record a line' },
  optOutput: { zh: '写入文件（默认标准输出）', en: 'write to a file (default: standard output)' },
  badWhat: (text: string, known: readonly string[]): Localized => ({
    zh: `不能导出 "${text}"：可用 ${known.join('、')}`,
    en: `cannot export "${text}": known are ${known.join(', ')}`,
  }),
  unknownMeter: (name: string, known: readonly string[]): Localized => ({
    zh: `没有电表 "${name}"：配置中有 ${known.join('、')}，这些天的历史中也没有它`,
    en: `there is no meter "${name}": the configuration has ${known.join(', ')}, and these days' history has none of it`,
  }),
  fileExists: (file: string): Localized => ({
    zh: `${file} 已存在：换一个名字，或先移走它`,
    en: `${file} exists already: take another name, or move it away first`,
  }),
  cannotWrite: (file: string, why: string): Localized => ({
    zh: `无法写入 ${file}：${why}`,
    en: `cannot write ${file}: ${why}`,
  }),
  exported: (records: number, file: string): Localized => ({
    zh: `${records} 条记录已写入 ${file}`,
    en: `${records} records written to ${file}`,
  }),
  whole: (batches: number, rows: number): Localized => ({
    zh: `存储完好：核对了 ${batches} 个批次和 ${rows} 条未封存记录`,
    en: `the store is whole: ${batches} batches and ${rows} unsealed records were checked`,
  }),
  notWhole: (findings: number, batches: number, rows: number): Localized => ({
    zh: `发现 ${findings} 处异常（核对了 ${batches} 个批次和 ${rows} 条未封存记录），由此开始：`,
    en: `${findings} findings in ${batches} batches and ${rows} unsealed records; it begins here:`,
  }),
  more: (count: number): Localized => ({ zh: `……另有 ${count} 处，见 --json`, en: `… and ${count} more, see --json` }),
  fileDamaged: (why: string): Localized => ({
    zh: `存储文件已损坏：${why}。下次启动时会移到一旁并抢救（不会删除）`,
    en: `the store's file is damaged: ${why}. The next start sets it aside and salvages it (nothing is deleted)`,
  }),
  ownHistory: { zh: '存储自己的记录：', en: 'What the store says of itself:' },
  place: (what: 'batch' | 'row' | 'stream', stream: string, number: number, last: number): Localized => {
    const numbers = last > number ? `${number}–${last}` : `${number}`
    const kind = {
      batch: { zh: '批次', en: 'batch' },
      row: { zh: '记录', en: 'record' },
      stream: { zh: '流', en: 'stream' },
    }
    return {
      zh: `流 ${stream.slice(0, 8)} ${kind[what].zh} ${numbers}`,
      en: `stream ${stream.slice(0, 8)}, ${kind[what].en} ${numbers}`,
    }
  },
  gap: (stream: string, first: number, last: number): Localized => ({
    zh: `流 ${stream.slice(0, 8)} 记录 ${first}–${last} 已不在`,
    en: `stream ${stream.slice(0, 8)}: records ${first}–${last} are gone`,
  }),
} as const satisfies Record<string, Localized | ((...facts: never[]) => Localized)>

export const FINDING_TEXTS: Readonly<Record<FindingKind, Localized>> = {
  changed: {
    zh: '内容被改动，与封存时的哈希不符',
    en: 'was changed: its bytes do not have the hash they were written with',
  },
  contradicts_itself: { zh: '登记内容与其字节不符', en: 'its row says something else than its bytes' },
  bytes_removed: { zh: '内容在上传前被删除', en: 'its bytes were removed before the cloud had them' },
  removed: { zh: '被删除', en: 'was removed' },
  inserted: { zh: '是插入的', en: 'was inserted' },
  reordered: { zh: '顺序被调换', en: 'was put in another place' },
  unchained: { zh: '与前一批次不衔接', en: 'does not follow the batch before it' },
  records_missing: { zh: '之前的记录缺失', en: 'records before it are missing' },
  end_removed: { zh: '末尾被删除', en: 'were removed from the end' },
  turned_back: { zh: '编号上限被调低', en: 'its highest number was turned back' },
}

/** Events by which a store tells of its own past. */
export const STORE_EVENT_TEXTS: Readonly<Record<StoreEventCode, Localized>> = {
  store_repaired: {
    zh: '存储文件损坏后已抢救，原文件保留在旁',
    en: 'the store was damaged and repaired; the damaged file was kept',
  },
  stream_restarted: {
    zh: '平台上已有不同内容，改用新的流继续',
    en: 'the cloud held other data under the same numbers; a new stream was begun',
  },
}

export const GAP_REASON_TEXTS: Readonly<Record<GapRecord['reason'], Localized>> = {
  storage_cap: { zh: '达到存储上限，最旧的明细让位', en: 'the size limit was reached, the oldest detail made room' },
  storage_full: { zh: '磁盘已满', en: 'the disk was full' },
  corrupt: { zh: '存储介质损坏', en: 'the medium damaged them' },
  refused: { zh: '平台拒收', en: 'the cloud refused them' },
  operator: { zh: '由操作员移除', en: 'an operator removed them' },
}
