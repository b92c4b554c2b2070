import type { LawCheck } from '../meter/physics.js'
import { CONFIG_HINTS } from './config-texts.js'
import { lineDownTexts } from './line-down-texts.js'
import type { Localized } from './localized.js'

type Law = LawCheck['law']

const law =
  (zh: string, en: string) =>
  (outcome: 'holds' | 'broken', expected: string, found: string): Localized =>
    outcome === 'holds'
      ? { zh: `${zh}:${found} ≈ ${expected}`, en: `${en}: ${found} ≈ ${expected}` }
      : { zh: `不满足 ${zh}:${found},应为 ${expected}`, en: `${en} does not hold: ${found} instead of ${expected}` }

/** Why a model fits an unknown meter, or does not. */
export const IDENTIFY = {
  holds: (what: Localized, where: string, value: string): Localized => ({
    zh: `${where} ${what.zh} = ${value},符合`,
    en: `${where} ${what.en} = ${value}, as it should be`,
  }),
  holdsOther: (what: Localized, where: string, value: string): Localized => ({
    zh: `${where} ${what.zh} = ${value},不符合`,
    en: `${where} ${what.en} = ${value}, which this model never shows`,
  }),
  zero: (what: Localized, where: string): Localized => ({
    zh: `${where} ${what.zh} 为 0`,
    en: `${where} ${what.en} is 0`,
  }),
  notAvailable: (what: Localized, where: string): Localized => ({
    zh: `${where} ${what.zh} 无效值`,
    en: `${where} ${what.en} is no number`,
  }),
  refuses: (what: Localized, where: string): Localized => ({
    zh: `拒绝 ${where} ${what.zh}`,
    en: `refuses ${where} ${what.en}`,
  }),
  silent: (what: Localized, where: string): Localized => ({
    zh: `不应答 ${where} ${what.zh}`,
    en: `does not answer ${where} ${what.en}`,
  }),
  noWord: (what: Localized, where: string): Localized => ({
    zh: `${where} ${what.zh} 应答损坏或忙`,
    en: `${where} ${what.en}: answer damaged, or the meter is busy`,
  }),
  refusesAsExpected: (what: Localized, where: string): Localized => ({
    zh: `拒绝 ${where}(${what.zh}),符合`,
    en: `refuses ${where} (${what.en}), as it should`,
  }),
  shouldRefuse: (what: Localized, where: string): Localized => ({
    zh: `应答了 ${where}(${what.zh}),该型号应拒绝`,
    en: `answers ${where} (${what.en}), which this model refuses`,
  }),
  refusesItem: (label: Localized, where: string): Localized => ({
    zh: `拒绝 ${where} ${label.zh},该型号有此寄存器`,
    en: `refuses ${where} ${label.en}, which this model has`,
  }),
  silentItem: (label: Localized, where: string): Localized => ({
    zh: `不应答 ${where} ${label.zh},该型号有此寄存器`,
    en: `does not answer ${where} ${label.en}, which this model has`,
  }),
  hasItem: (label: Localized, where: string): Localized => ({
    zh: `有 ${where} ${label.zh}`,
    en: `has ${where} ${label.en}`,
  }),
  plausible: (count: number): Localized => ({ zh: `${count} 个值合理`, en: `${count} values are plausible` }),
  implausible: (label: Localized, value: string, unit: string): Localized => ({
    zh: `${label.zh} ${value} ${unit} 不合理`,
    en: `${label.en} ${value} ${unit} is not plausible`,
  }),
  laws: {
    power_of_phases: law('各相功率之和', 'phase powers add up'),
    power_from_ui: law('P = U·I·cosφ', 'P = U·I·cosφ'),
    power_triangle: law('S² = P² + Q²', 'S² = P² + Q²'),
    line_voltage: law('线电压 = √3 × 相电压', 'line voltage = √3 × phase voltage'),
    power_factor: law('P = S·cosφ', 'P = S·cosφ'),
  } satisfies Record<Law, unknown>,
  dlt645: (edition: string): Localized => ({ zh: `应答 DL/T 645-${edition}`, en: `speaks DL/T 645-${edition}` }),
  phases: (count: number): Localized => ({ zh: `${count} 相有电压`, en: `voltage on ${count} of its phases` }),
  refusesDi: (di: string): Localized => ({ zh: `没有数据 ${di}`, en: `has no data ${di}` }),
  answersDi: (di: string): Localized => ({ zh: `有数据 ${di}`, en: `has data ${di}` }),
} as const

/** What `metergate scan` says. */
export const SCAN = {
  cmdScan: { zh: '查找总线上的电表并识别型号(只读)', en: 'find the meters on a line and name them (reads only)' },
  optPort: {
    zh: '串口(可多次),如 /dev/ttyUSB0、"rtu_over_tcp 主机:端口" 或 "modbus_tcp 主机";默认全部串口',
    en: 'port (repeatable), e.g. /dev/ttyUSB0, "rtu_over_tcp host:port" or "modbus_tcp host"; every serial port by default',
  },
  optBaud: { zh: '只试这些波特率,如 9600,2400', en: 'only these speeds, e.g. 9600,2400' },
  optFormat: { zh: '只试这些格式,如 8N1,8E1', en: 'only these formats, e.g. 8N1,8E1' },
  optUnits: { zh: '从站地址,如 1-32 或 1,5,9', en: 'unit ids, e.g. 1-32 or 1,5,9' },
  optProtocol: { zh: '只试 modbus 或 dlt645', en: 'only modbus or only dlt645' },
  optQuick: { zh: '只试出厂设置和常用地址(1-10)', en: 'factory settings and units 1-10 only' },
  optFull: { zh: '全部波特率、格式和地址 1-247(很久)', en: 'every speed, format and unit 1-247 (takes long)' },
  optExpect: { zh: '找到这么多块表就停', en: 'stop when this many meters are found' },
  optWrite: { zh: '把找到的表写入配置文件', en: 'write what was found as a configuration file' },
  badList: (option: string, text: string, example: string): Localized => ({
    zh: `${option} 的值 "${text}" 不对:例如 ${example}`,
    en: `${option} "${text}" will not do: e.g. ${example}`,
  }),
  badPort: (text: string): Localized => ({
    zh: `端口 "${text}" 不对:写 /dev/ttyUSB0、"rtu_over_tcp 192.168.1.10:4001" 或 "modbus_tcp 192.168.1.20:502"`,
    en: `"${text}" is no port: write /dev/ttyUSB0, "rtu_over_tcp 192.168.1.10:4001" or "modbus_tcp 192.168.1.20:502"`,
  }),
  dlt645OverTcp: (port: string): Localized => ({
    zh: `${port} 只走 Modbus TCP,DL/T 645 不能经过它:串口服务器请写 rtu_over_tcp`,
    en: `${port} carries Modbus TCP only, no DL/T 645: write rtu_over_tcp for a serial server`,
  }),
  badBaud: (text: string): Localized => ({
    zh: `--baud 的值 "${text}" 不对:${CONFIG_HINTS.baud.zh}`,
    en: `--baud "${text}" will not do: ${CONFIG_HINTS.baud.en}`,
  }),
  noDevice: (name: string): Localized => ({
    zh: `${name} 不是串口设备:写 /dev/ttyUSB0 这样的串口;\`ls -l /dev/serial/by-id\` 可列出已插的`,
    en: `${name} is no serial port: write one such as /dev/ttyUSB0; \`ls -l /dev/serial/by-id\` shows those that are`,
  }),
  noPorts: {
    zh: '没有找到串口:RS485 转换器插好了吗?也可用 --port 指定',
    en: 'there is no serial port: is the RS485 adapter plugged in? --port names one',
  },
  quickOrFull: { zh: '--quick 与 --full 只能选一个', en: 'use only one of --quick and --full' },
  begins: (ports: readonly string[], probes: number, time: string): Localized => ({
    zh: `扫描 ${ports.join('、')}:${probes} 次询问,没有电表应答时约 ${time},每块表另加 3 到 20 秒`,
    en: `scanning ${ports.join(', ')}: ${probes} questions, about ${time} if nobody answers, and 3 to 20 s more for each meter found`,
  }),
  daemonHint: {
    zh: '扫描前请停止采集程序:一条总线只能有一个主机',
    en: 'stop the gateway before scanning: a line has one master',
  },
  heard: (where: string): Localized => ({
    zh: `${where} 有应答,正在识别`,
    en: `${where} answers; finding out what it is`,
  }),
  sure: (where: string, name: string): Localized => ({ zh: `${where} 是 ${name}`, en: `${where} is ${name}` }),
  unsure: (where: string, names: readonly string[]): Localized => ({
    zh: `${where} 是其中之一:${names.join('、')}`,
    en: `${where} is one of: ${names.join(', ')}`,
  }),
  unknown: (where: string, names: readonly string[]): Localized => ({
    zh: `${where} 有应答,但不是已知型号${names.length > 0 ? `(可能:${names.join('、')})` : ''}`,
    en: `${where} answers, but fits no model of the library${names.length > 0 ? ` (perhaps ${names.join(', ')})` : ''}`,
  }),
  garbled: (where: string): Localized => ({
    zh: `${where} 有杂乱字节:可能两块表地址相同、设置不同或干扰。逐一接表,或用 metergate doctor line 检查`,
    en: `${where}: bytes, but no answer: two meters on one address, other settings, or noise. Connect one meter at a time, or see metergate doctor line`,
  }),
  crowded: (where: string): Localized => ({
    zh: `${where} 有两个应答:两块表地址相同,上面的型号只是其中之一。逐一断开,给其中一块改地址,再扫描一次`,
    en: `${where}: two answer. Two meters have this address, and the model above is that of one at most: disconnect one after the other, give one another address, and scan again`,
  }),
  crowdedEntry: {
    zh: '两块表地址相同:先给其中一块改地址,再扫描',
    en: 'two meters have this address: give one another address first, then scan again',
  },
  several: (where: string): Localized => ({
    zh: `${where} 有多块 DL/T 645 表同时应答,逐一查找`,
    en: `${where}: several DL/T 645 meters answer at once; looking for them one by one`,
  }),
  lineDown: (port: string, why: string): Localized => ({
    // Most reasons name their port themselves.
    zh: why.includes(port) ? lineDownTexts(why).zh : `${port}:${lineDownTexts(why).zh}`,
    en: why.includes(port) ? why : `${port}: ${why}`,
  }),
  babble: (port: string): Localized => ({
    zh: `${port} 上有别的主机在通信或干扰不断:停止它再扫描`,
    en: `${port}: somebody else talks on this line, or it is never quiet: stop the other master and scan again`,
  }),
  nothing: {
    zh: '没有找到电表。检查供电、A/B 接线是否接反、地址;或用 --full',
    en: 'no meter found. Check their supply, whether A and B are swapped, the unit ids; or use --full',
  },
  nothingNamed: {
    zh: '有应答,但没有能识别的电表:按上面的提示处理后再扫描',
    en: 'something answers, but no meter could be told from it: do as said above, then scan again',
  },
  stopped: { zh: '提前结束', en: 'stopped early' },
  summary: (found: number, probes: number, time: string): Localized => ({
    zh: `找到 ${found} 块表,询问 ${probes} 次,用时 ${time}`,
    en: `${found} ${found === 1 ? 'meter' : 'meters'} found by ${probes} questions in ${time}`,
  }),
  because: { zh: '识别依据:', en: 'why each is taken for this model:' },
  entries: { zh: '配置文件可写:', en: 'for the configuration file:' },
  offer: (file: string): Localized => ({
    zh: `写入 ${file}?[y/N]`,
    en: `Write this to ${file}? [y/N]`,
  }),
  written: (file: string): Localized => ({
    zh: `已写入 ${file}。下一步:metergate config check`,
    en: `wrote ${file}. Next: metergate config check`,
  }),
  fileExists: (file: string): Localized => ({
    zh: `${file} 已存在,未改动:换一个文件名,或把上面的内容加进去`,
    en: `${file} exists and was left alone: give another name, or add the entries above to it`,
  }),
  noFolder: (file: string, folder: string): Localized => ({
    zh: `${file} 无法写入:没有 ${folder} 这个文件夹,请先建立或换一个文件名`,
    en: `${file} cannot be written: there is no folder ${folder}; make it, or give another name`,
  }),
  notWritten: (file: string, why: string): Localized => ({
    zh: `${file} 无法写入:${why}`,
    en: `${file} cannot be written: ${why}`,
  }),
  writeCt: {
    zh: '该表的数值为二次侧:写互感器变比,直接接入写 ct: 1',
    en: "this meter's values are secondary: write the CT ratio, or ct: 1 when connected directly",
  },
  ratioFromMeter: {
    zh: '从表内读出:与互感器铭牌核对',
    en: 'read from the meter: compare with the plate of the transformer',
  },
  orElse: (names: readonly string[]): Localized => ({
    zh: `也可能是 ${names.join('、')}:与铭牌核对`,
    en: `may also be ${names.join(', ')}: compare with the plate`,
  }),
  unknownEntry: { zh: '型号未知:写好型号后去掉注释', en: 'model unknown: fill it in and take the # away' },
  addressOnPlate: {
    zh: 'DL/T 645-1997 表不报地址:按铭牌填写后去掉注释',
    en: 'a DL/T 645-1997 meter does not tell its address: take it from the plate and take the # away',
  },
  seconds: (count: number): Localized => ({ zh: `${count} 秒`, en: `${count} s` }),
  minutes: (count: number): Localized => ({ zh: `${count} 分钟`, en: `${count} min` }),
  unitTitle: { zh: '地址', en: 'Unit' },
  settingsTitle: { zh: '设置', en: 'Settings' },
  portTitle: { zh: '端口', en: 'Port' },
  modelTitle: { zh: '型号', en: 'Model' },
  answersIn: { zh: '应答', en: 'Answers in' },
} as const
