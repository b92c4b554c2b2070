import { lineDownTexts } from './line-down-texts.js'
import type { Localized } from './localized.js'

/** Everything the command line says, save configuration errors (config-texts). */
export const CLI = {
  // ---- Help
  about: {
    zh: 'RS485 电表采集网关：采集、存储、单位能耗、上传',
    en: 'Gateway for electricity meters: reads, keeps, works out energy per product, delivers',
  },
  usage: { zh: '用法：', en: 'Usage:' },
  options: { zh: '选项：', en: 'Options:' },
  argumentsTitle: { zh: '参数：', en: 'Arguments:' },
  commands: { zh: '命令：', en: 'Commands:' },
  optConfig: {
    zh: '配置文件（默认 ./metergate.yaml，否则 /etc/metergate/metergate.yaml）',
    en: 'configuration file (default ./metergate.yaml, else /etc/metergate/metergate.yaml)',
  },
  optLang: { zh: '语言 zh 或 en', en: 'language, zh or en' },
  optJson: { zh: '以 JSON 输出', en: 'print JSON' },
  optCsv: { zh: '以 CSV 输出', en: 'print CSV' },
  optHelp: { zh: '显示帮助', en: 'show help' },
  optVersion: { zh: '显示版本', en: 'show the version' },
  cmdRun: { zh: '启动采集程序', en: 'start the gateway' },
  cmdInit: {
    zh: '回答几个问题，生成带注释的配置文件',
    en: 'answer a few questions and get a commented configuration file',
  },
  cmdConfig: { zh: '配置文件', en: 'the configuration file' },
  cmdConfigCheck: { zh: '检查配置文件并列出其含义', en: 'check the configuration and show what it means' },
  cmdRead: { zh: '现在读一次表', en: 'read a meter now' },
  cmdStatus: { zh: '显示网关状态', en: 'show how the gateway is doing' },
  cmdEnergy: { zh: '显示电量与单位能耗', en: 'show energy and energy per product' },
  cmdEnrol: { zh: '用一次性注册码接入平台', en: 'join the cloud with a one-time code' },
  cmdProfiles: { zh: '电表型号', en: 'meter models' },
  cmdProfilesList: { zh: '列出支持的型号', en: 'list the supported models' },
  cmdProfilesShow: { zh: '显示一个型号的寄存器与特点', en: 'show the registers and quirks of a model' },
  cmdProfilesCheck: { zh: '检查自己编写的型号文件', en: 'check a model file of your own' },
  cmdProduction: { zh: '产量登记', en: 'production entries' },
  cmdProductionAdd: { zh: '登记产量', en: 'enter what was made' },
  cmdProductionList: { zh: '列出产量记录', en: 'list entries' },
  cmdProductionCorrect: { zh: '更正或撤销一条产量记录', en: 'correct or withdraw an entry' },
  cmdProductionImport: { zh: '从 CSV 导入产量', en: 'import entries from CSV' },
  optRaw: { zh: '同时显示寄存器原始值', en: 'show the raw register content too' },
  optPrometheus: { zh: '以 Prometheus 文本输出', en: 'print Prometheus text' },
  optToday: { zh: '今天（默认）', en: 'today (the default)' },
  optDate: { zh: '某一天 2026-11-23', en: 'one day, 2026-11-23' },
  optWeek: { zh: '某日所在的一周（默认本周）', en: 'the week of a date (default this one)' },
  optMonth: { zh: '某月 2026-11（默认本月）', en: 'a month, 2026-11 (default this one)' },
  optShift: { zh: '某班次，与 --date 同用', en: 'a shift, with --date' },
  optCloud: { zh: '平台地址 https://…', en: 'address of the cloud, https://…' },
  optName: { zh: '本网关名称', en: 'name of this gateway' },
  optYes: { zh: '不提问，用默认值和给出的选项', en: 'ask nothing: take the defaults and what is given' },
  optForce: { zh: '覆盖已有文件', en: 'overwrite an existing file' },
  optPort: { zh: '串口，或 rtu_over_tcp/modbus_tcp 地址', en: 'serial port, or rtu_over_tcp / modbus_tcp address' },
  optBaud: { zh: '波特率', en: 'baud rate' },
  optFormat: { zh: '数据格式 8N1、8E1…', en: 'character format 8N1, 8E1 …' },
  optMeter: { zh: '电表 id:型号:从站地址[:CT变比]，可多次', en: 'a meter as id:model:unit[:ct], repeatable' },
  optProduct: {
    zh: '产品 id:计数表:单位[:每脉冲件数][:用电表+用电表]，可多次',
    en: 'a product as id:counter-meter:unit[:pieces-per-pulse][:meter+meter], repeatable',
  },
  optPlant: { zh: '工厂名称', en: 'name of the plant' },
  optUnit: { zh: '计量单位（须与配置一致）', en: 'unit (must agree with the configuration)' },
  optProductId: { zh: '产品 id（只有一个产品时可省）', en: 'product id (not needed when there is only one)' },
  optFrom: { zh: '开始 "2026-11-23 08:00"', en: 'start "2026-11-23 08:00"' },
  optTo: { zh: '结束 "2026-11-23 20:00"（不含）', en: 'end "2026-11-23 20:00", not included' },
  optFirstDay: {
    zh: '从这一天起 2026-11-23（含当天；默认今天）',
    en: 'first day, 2026-11-23, included (default today)',
  },
  optLastDay: {
    zh: '到这一天止 2026-11-23（含当天；默认今天）',
    en: 'last day, 2026-11-23, included (default today)',
  },
  optNote: { zh: '备注', en: 'note' },
  optReason: { zh: '更正原因（必填）', en: 'reason for the correction (required)' },
  optCount: { zh: '正确的数量', en: 'the right count' },
  optWithdraw: { zh: '撤销该记录', en: 'withdraw the entry' },
  optDryRun: { zh: '只检查，不保存', en: 'check only, keep nothing' },
  argMeter: { zh: '电表 id', en: 'meter id' },
  argCode: { zh: '注册码', en: 'enrolment code' },
  argProfile: { zh: '型号', en: 'model' },
  argFile: { zh: '文件', en: 'file' },
  argCount: { zh: '数量', en: 'count' },
  argEntry: { zh: '记录号', en: 'entry' },

  // ---- Failures
  badUsage: (why: Localized): Localized => ({
    zh: `用法错误：${why.zh}。见 metergate --help`,
    en: `${why.en}. See metergate --help`,
  }),
  badLanguage: (text: string): Localized => ({
    zh: `--lang 的值 "${text}" 不对：写 zh 或 en`,
    en: `--lang "${text}" is not known: write zh or en`,
  }),
  configErrors: (count: number): Localized => ({
    zh: `配置有 ${count} 处错误`,
    en: `${count} ${count === 1 ? 'error' : 'errors'} in the configuration`,
  }),
  notRunning: (path: string): Localized => ({
    zh: `采集程序未运行（${path}）：先执行 metergate run`,
    en: `the gateway is not running (${path}): start it with metergate run`,
  }),
  notPermitted: (path: string): Localized => ({
    zh: `无权访问 ${path}：用运行采集程序的用户执行，或加 sudo`,
    en: `not allowed to open ${path}: run this as the user the gateway runs as, or with sudo`,
  }),
  silent: (ms: number): Localized => ({
    zh: `采集程序 ${ms / 1000} 秒内没有应答：查看日志，必要时重启`,
    en: `the gateway did not answer within ${ms / 1000} s: look at its log, restart it if need be`,
  }),
  strangeAnswer: (why: string): Localized => ({
    zh: `采集程序的应答无法识别（${why}）：程序与命令版本可能不同，请重启采集程序`,
    en: `the gateway's answer makes no sense (${why}): it may run another version, restart it`,
  }),
  daemonLacks: (why: string): Localized => ({
    zh: `采集程序的配置中没有（${why}）：改过配置后须重启 metergate run`,
    en: `${why}; after a change of the configuration restart metergate run`,
  }),
  unknownEntry: (why: string): Localized => ({
    zh: `没有这条产量记录（${why}）：记录号见 metergate production list`,
    en: `${why}; see metergate production list`,
  }),
  notUnderstood: (why: string): Localized => ({
    zh: `采集程序不接受这个请求（${why}）：程序与命令版本可能不同，请重启 metergate run`,
    en: `the gateway does not take this request (${why}): it may run another version, restart metergate run`,
  }),
  lineFault: (why: string): Localized => ({
    zh: `总线故障（${lineDownTexts(why).zh}）：检查端口与接线，或执行 metergate doctor line`,
    en: `the line fails (${why}): check port and wiring, or run metergate doctor line`,
  }),
  storeFault: (why: string): Localized => ({
    zh: `本机存储出错（${why}）：检查磁盘空间与文件夹权限，以及是否另有 metergate 在使用；再执行 metergate verify`,
    en: `the store fails (${why}): check disk space, permissions and whether another metergate uses it; then metergate verify`,
  }),
  noStore: (folder: string): Localized => ({
    zh: `${folder} 中还没有存储：先启动一次 metergate run，或检查 store.folder`,
    en: `there is no store in ${folder} yet: start metergate run once, or check store.folder`,
  }),
  failed: (why: string): Localized => ({ zh: `失败：${why}`, en: `failed: ${why}` }),
  unknownMeter: (id: string, known: readonly string[]): Localized => ({
    zh: `没有电表 "${id}"：可用 ${known.join('、')}`,
    en: `there is no meter "${id}": known are ${known.join(', ')}`,
  }),
  unknownProduct: (id: string, known: readonly string[]): Localized => ({
    zh: `没有产品 "${id}"：可用 ${known.join('、') || '（未配置产品）'}`,
    en: `there is no product "${id}": known are ${known.join(', ') || '(none configured)'}`,
  }),
  unknownShift: (id: string, known: readonly string[]): Localized => ({
    zh: `没有班次 "${id}"：可用 ${known.join('、') || '（未配置班次）'}`,
    en: `there is no shift "${id}": known are ${known.join(', ') || '(none configured)'}`,
  }),
  unknownProfile: (id: string, near: readonly string[]): Localized => ({
    zh: `没有型号 "${id}"${near.length > 0 ? `：相近的有 ${near.join('、')}` : '：用 metergate profiles list 查看'}`,
    en: `there is no model "${id}"${near.length > 0 ? `: similar are ${near.join(', ')}` : ': see metergate profiles list'}`,
  }),
  badDate: (text: string): Localized => ({
    zh: `日期 "${text}" 不对：写 2026-11-23`,
    en: `"${text}" is no date: write 2026-11-23`,
  }),
  badMonth: (text: string): Localized => ({
    zh: `月份 "${text}" 不对：写 2026-11`,
    en: `"${text}" is no month: write 2026-11`,
  }),
  badInstant: (text: string): Localized => ({
    zh: `时刻 "${text}" 不对：写 "2026-11-23 08:00"`,
    en: `"${text}" is no time: write "2026-11-23 08:00"`,
  }),
  badCount: (text: string): Localized => ({
    zh: `数量 "${text}" 不对：写不小于 0 的数，例如 1200`,
    en: `"${text}" is no count: write a number of 0 or more, e.g. 1200`,
  }),
  badSpan: { zh: '结束必须晚于开始', en: 'the end must be after the start' },
  futureSpan: (end: string, now: string): Localized => ({
    zh: `结束 ${end} 晚于现在 ${now}：只能登记已经做完的产量，检查日期或班次`,
    en: `the end ${end} is after now, ${now}: only what has been made can be entered; check the date or the shift`,
  }),
  countedToo: (product: string, counter: string): Localized => ({
    zh: `注意：产品 ${product} 由 ${counter} 自动计数，登记的产量会与计数相加，单位能耗因此变小`,
    en: `product ${product} is counted by ${counter}; what is entered is added to the count, and energy per product gets smaller by it`,
  }),
  overlap: (entry: string, from: string, to: string): Localized => ({
    zh: `注意：与已登记的 ${entry}（${from} 至 ${to}）时间重叠，产量可能重复；若是重复，用 metergate production correct 记录号 --withdraw --reason 原因 撤销一条`,
    en: `this overlaps the entry ${entry} (${from} to ${to}), output may count twice; if so, withdraw one: metergate production correct ENTRY --withdraw --reason TEXT`,
  }),
  spanMissing: {
    zh: '写明时间：--from 与 --to，或 --shift（与 --date）',
    en: 'say when: --from and --to, or --shift (with --date)',
  },
  oneSpan: {
    zh: '--today、--date、--week、--month 只能选一个',
    en: 'use only one of --today, --date, --week, --month',
  },
  shiftOfDay: {
    zh: '班次是某一天的：--shift 与 --date 同用，不能与 --week、--month 同用',
    en: 'a shift is one of a day: use --shift with --date, not with --week or --month',
  },
  jsonOrCsv: { zh: '--json 与 --csv 只能选一个', en: 'use only one of --json and --csv' },
  dateOrSpan: { zh: '写 --date，或写 --from 与 --to，不能同时', en: 'use --date, or --from and --to, not both' },
  fileMissing: (file: string): Localized => ({
    zh: `找不到文件 ${file}：检查路径`,
    en: `there is no file ${file}: check the path`,
  }),
  fileIsFolder: (file: string): Localized => ({
    zh: `${file} 是文件夹：写其中的文件`,
    en: `${file} is a folder: name a file in it`,
  }),
  fileUnreadable: (file: string, why: string): Localized => ({
    zh: `${file} 无法读取（${why}）：检查读权限`,
    en: `${file} cannot be read (${why}): check the permission`,
  }),
  warningMark: { zh: '提醒：', en: 'warning: ' },
  exceptionCode: (code: string): Localized => ({ zh: `异常码 ${code}`, en: `exception ${code}` }),
  wrongUnit: (given: string, right: string): Localized => ({
    zh: `单位 "${given}" 与配置的 "${right}" 不一致`,
    en: `unit "${given}" is not the configured "${right}"`,
  }),
  countOrWithdraw: { zh: '写 --count 数量，或 --withdraw', en: 'say --count N or --withdraw' },
  productMissing: { zh: '写明产品：--product', en: 'say which product: --product' },
  cloudMissing: {
    zh: '写明平台地址：--cloud https://…，或在配置 sync.cloud 中写好',
    en: 'say where: --cloud https://… or sync.cloud in the configuration',
  },
  badCloud: (text: string): Localized => ({
    zh: `平台地址 "${text}" 不对：写 https://…；明文 http 只允许本机`,
    en: `"${text}" will not do: write https://…; plain http only to this machine`,
  }),
  badMeterFlag: (text: string): Localized => ({
    zh: `--meter "${text}" 不对：写 id:型号:从站地址[:CT变比]，例如 press-1:eastron-sdm630:1`,
    en: `--meter "${text}" will not do: write id:model:unit[:ct], e.g. press-1:eastron-sdm630:1`,
  }),
  badProductFlag: (text: string): Localized => ({
    zh: `--product "${text}" 不对：写 id:计数表:单位[:每脉冲件数][:用电表+用电表]，例如 eva-slipper:counter-1:pair:2:press-1+press-2`,
    en: `--product "${text}" will not do: write id:counter-meter:unit[:pieces-per-pulse][:meter+meter], e.g. eva-slipper:counter-1:pair:2:press-1+press-2`,
  }),
  fileExists: (file: string): Localized => ({
    zh: `${file} 已存在，未改动：换一个 --config，或加 --force`,
    en: `${file} exists and was left alone: give another --config, or --force`,
  }),
  needsTerminal: { zh: '这里不能提问：加 --yes 并用选项给出内容', en: 'nobody to ask here: use --yes with options' },

  // ---- Tables
  configGood: (file: string): Localized => ({ zh: `${file} 正确`, en: `${file} is right` }),
  warnings: (count: number): Localized => ({
    zh: `${count} 条提醒`,
    en: `${count} ${count === 1 ? 'warning' : 'warnings'}`,
  }),
  plant: { zh: '工厂', en: 'Plant' },
  timezone: { zh: '时区', en: 'Time zone' },
  interval: { zh: '统计间隔', en: 'Interval' },
  storeFolder: { zh: '数据文件夹', en: 'Data folder' },
  cap: { zh: '容量上限', en: 'Size cap' },
  cloud: { zh: '平台', en: 'Cloud' },
  noCloud: { zh: '不上传', en: 'none' },
  line: { zh: '总线', en: 'Line' },
  port: { zh: '端口', en: 'Port' },
  baud: { zh: '波特率', en: 'Baud' },
  format: { zh: '格式', en: 'Format' },
  load: { zh: '总线占用', en: 'Bus load' },
  meter: { zh: '电表', en: 'Meter' },
  meters: { zh: '电表数', en: 'Meters' },
  label: { zh: '名称', en: 'Name' },
  model: { zh: '型号', en: 'Model' },
  unitId: { zh: '地址', en: 'Unit' },
  ratio: { zh: '倍率', en: 'Ratio' },
  poll: { zh: '采集周期', en: 'Poll' },
  product: { zh: '产品', en: 'Product' },
  counter: { zh: '计数', en: 'Counter' },
  perPulse: { zh: '每脉冲', en: 'Per pulse' },
  energyFrom: { zh: '用电来自', en: 'Energy of' },
  quantity: { zh: '量', en: 'Quantity' },
  value: { zh: '数值', en: 'Value' },
  unit: { zh: '单位', en: 'Unit' },
  raw: { zh: '原始值', en: 'Raw' },
  register: { zh: '寄存器', en: 'Register' },
  type: { zh: '类型', en: 'Type' },
  scale: { zh: '系数', en: 'Scale' },
  suspect: { zh: '存疑', en: 'suspect' },
  state: { zh: '状态', en: 'State' },
  lastReading: { zh: '最近读数', en: 'Last reading' },
  requests: { zh: '请求', en: 'Requests' },
  faults: { zh: '失败', en: 'Faults' },
  energy: { zh: '电量', en: 'Energy' },
  coverage: { zh: '覆盖率', en: 'Coverage' },
  estimated: { zh: '其中估算', en: 'Estimated' },
  output: { zh: '产量', en: 'Output' },
  unitEnergy: { zh: '单位能耗', en: 'Energy per unit' },
  from: { zh: '开始', en: 'From' },
  to: { zh: '结束', en: 'To' },
  count: { zh: '数量', en: 'Count' },
  source: { zh: '来源', en: 'Source' },
  entry: { zh: '记录号', en: 'Entry' },
  shift: { zh: '班次', en: 'Shift' },
  note: { zh: '备注', en: 'Note' },
  manufacturer: { zh: '厂家', en: 'Maker' },
  protocol: { zh: '协议', en: 'Protocol' },
  total: { zh: '合计', en: 'Total' },
  gateway: { zh: '网关', en: 'Gateway' },
  notEnrolled: { zh: '未注册', en: 'not enrolled' },
  running: { zh: '已运行', en: 'Running for' },
  clock: { zh: '时钟', en: 'Clock' },
  clockKnown: { zh: '已校时', en: 'synchronised' },
  clockUnknown: { zh: '未校时', en: 'not synchronised' },
  backlog: { zh: '待上传', en: 'Backlog' },
  records: (count: number): Localized => ({ zh: `${count} 条`, en: `${count} ${count === 1 ? 'record' : 'records'}` }),
  since: (when: string): Localized => ({ zh: `，最早 ${when}`, en: `, oldest ${when}` }),
  store: { zh: '存储', en: 'Store' },
  storeInTrouble: { zh: '存储异常：', en: 'in trouble: ' },
  disk: { zh: '磁盘剩余', en: 'Disk free' },
  readings: { zh: '采集', en: 'Readings' },
  ratioDiffers: (meter: string, which: string, ours: number, theirs: number): Localized => ({
    zh: `${meter}：${which} 变比不一致，表内为 ${theirs}，配置为 ${ours}；电量按配置计算。请按互感器铭牌改正其中之一`,
    en: `${meter}: the ${which} ratio is ${theirs} in the meter and ${ours} in the configuration, which the energy is counted with. Correct one of them by the plate of the transformer`,
  }),
  readingCounts: (good: number, failed: number): Localized => ({
    zh: `成功 ${good}，失败 ${failed}`,
    en: `${good} good, ${failed} failed`,
  }),
  lineStarting: { zh: '尚未打开', en: 'not opened yet' },
  firstPoll: { zh: '等待首次采集', en: 'waiting for first poll' },
  unverified: { zh: '未经核实', en: 'unverified' },
  profileGood: (id: string, items: number): Localized => ({
    zh: `${id} 正确，共 ${items} 个量`,
    en: `${id} is right, ${items} ${items === 1 ? 'quantity' : 'quantities'}`,
  }),
  profileReplaces: (id: string): Localized => ({
    zh: `放进型号文件夹后，它将代替自带的型号 ${id}`,
    en: `in the folder of models it takes the place of the shipped ${id}`,
  }),
  profileName: (name: string): Localized => ({
    zh: `型号文件夹只读 .yaml、.yml 和 .json 文件：请把 ${name} 改名`,
    en: `a folder of models reads files ending in .yaml, .yml or .json only: rename ${name}`,
  }),
  profileNumbers: {
    zh: '地址像手册上的编号（4xxxx、3xxxx）：总线上的地址要减去 40001 或 30001。请用 metergate read 核对一个值',
    en: "its addresses look like a manual's numbers (4xxxx, 3xxxx): on the wire they are less by 40001 or 30001. Compare a value by `metergate read`",
  },
  notForBilling: { zh: '不作贸易结算依据', en: 'not for trade settlement' },
  added: (count: number): Localized => ({
    zh: `已登记 ${count} 条`,
    en: `${count} ${count === 1 ? 'entry' : 'entries'} kept`,
  }),
  wouldAdd: (count: number): Localized => ({
    zh: `检查通过，共 ${count} 条，未保存（--dry-run）`,
    en: `${count} ${count === 1 ? 'entry' : 'entries'} would be kept; nothing was (--dry-run)`,
  }),
  importErrors: (count: number): Localized => ({
    zh: `${count} 行有误，一条也未保存`,
    en: `${count} ${count === 1 ? 'row is' : 'rows are'} wrong; nothing was kept`,
  }),
  row: (number: number): Localized => ({ zh: `第 ${number} 行`, en: `line ${number}` }),
  fileLine: { zh: '行', en: 'Line' },
  remark: { zh: '备注', en: 'Remark' },
  remarkAlready: (entry: string): Localized => ({
    zh: `已登记为 ${entry}，不再保存`,
    en: `already kept as ${entry}: left out`,
  }),
  remarkMeets: (others: readonly string[]): Localized =>
    others.length === 0
      ? { zh: '', en: '' }
      : { zh: `与 ${others.join('、')} 时间重叠`, en: `same time as ${others.join(', ')}` },
  alreadyKept: (line: number, entry: string): Localized => ({
    zh: `第 ${line} 行已登记为 ${entry}，未重复保存；确实又生产了一批，用 metergate production add 登记`,
    en: `line ${line} is already kept as ${entry} and was left out; if it was made once more, use metergate production add`,
  }),
  importTotal: (product: string, shift: string | null, count: string): Localized => ({
    zh: `合计 ${product}${shift === null ? '' : `（班次 ${shift}）`}：${count}`,
    en: `sum of ${product}${shift === null ? '' : ` (shift ${shift})`}: ${count}`,
  }),
  strangeColumn: (name: string, known: readonly string[]): Localized => ({
    zh: `首行的列名 "${name}" 不认识，可用：${known.join(',')}`,
    en: `the first row names a column "${name}"; known are ${known.join(',')}`,
  }),
  columnTwice: (name: string): Localized => ({
    zh: `首行的列名 "${name}" 出现两次，删去一列`,
    en: `the first row names "${name}" twice: remove one`,
  }),
  tooManyCells: (count: number, most: number): Localized => ({
    zh: `有 ${count} 格，首行只有 ${most} 列；含逗号的文字要加引号`,
    en: `has ${count} cells for ${most} columns: put quotes around text with a comma`,
  }),
  importColumns: {
    zh: '首行须为 product,count,from,to（可加 unit,shift,note）',
    en: 'the first row must be product,count,from,to (unit,shift,note may follow)',
  },
  nothing: { zh: '没有记录', en: 'nothing recorded' },
  corrected: (entry: string, revision: number): Localized => ({
    zh: `${entry} 已更正（第 ${revision} 版）`,
    en: `${entry} corrected (revision ${revision})`,
  }),
  directRead: { zh: '采集程序未运行，直接读取总线', en: 'the gateway is not running: reading the line directly' },
} as const satisfies Record<string, Localized | ((...facts: never[]) => Localized)>

export const ABSENCE_TEXTS = {
  timeout: { zh: '无应答', en: 'no answer' },
  crc: { zh: '校验错误', en: 'checksum wrong' },
  bad_frame: { zh: '帧错误', en: 'bad frame' },
  exception: { zh: '电表拒绝', en: 'refused by the meter' },
  line_down: { zh: '总线断开', en: 'line down' },
  not_polled: { zh: '未采集', en: 'not polled' },
  not_available: { zh: '电表无此值', en: 'not available' },
  out_of_range: { zh: '超出范围', en: 'out of range' },
} as const satisfies Record<string, Localized>

/** What to look at when a meter gives nothing at all. */
export const ABSENCE_REMEDIES = {
  timeout: {
    zh: '检查电表供电、A/B 接线、从站地址、波特率和校验',
    en: "check the meter's power, the A/B wires, the unit id, baud rate and parity",
  },
  crc: {
    zh: '检查波特率与校验、终端电阻、屏蔽与接线',
    en: 'check baud rate and parity, termination, shielding and wiring',
  },
  bad_frame: {
    zh: '检查波特率与校验；总线上是否有相同地址的表或别的主站',
    en: 'check baud rate and parity, and whether another meter has this address or another master is on the line',
  },
  exception: { zh: '检查电表型号是否选对', en: 'check that the right meter model is configured' },
  line_down: {
    zh: '检查串口或网络端口是否存在、是否有权限、是否被别的程序占用',
    en: 'check that the port exists, may be opened and is not in use by another program',
  },
  not_polled: { zh: '再读一次', en: 'read again' },
  not_available: { zh: '检查电表型号是否选对', en: 'check that the right meter model is configured' },
  out_of_range: { zh: '检查电表型号是否选对', en: 'check that the right meter model is configured' },
} as const satisfies Record<string, Localized>

export const NO_VALUE_TEXTS = {
  no_production: { zh: '无产量', en: 'no production' },
  no_activity: { zh: '无生产', en: 'no activity' },
  missing_production: { zh: '缺产量数据', en: 'production missing' },
  insufficient_data: { zh: '数据不足', en: 'not enough data' },
  not_configured: { zh: '未配置', en: 'not configured' },
} as const satisfies Record<string, Localized>

export const METER_STATE_TEXTS = {
  ok: { zh: '正常', en: 'ok' },
  degraded: { zh: '不稳定', en: 'degraded' },
  silent: { zh: '无应答', en: 'silent' },
  unknown: { zh: '未知', en: 'unknown' },
} as const satisfies Record<string, Localized>

export const LINK_STATE_TEXTS = {
  off: { zh: '不上传', en: 'off' },
  not_enrolled: { zh: '未注册', en: 'not enrolled' },
  starting: { zh: '启动中', en: 'starting' },
  up: { zh: '在线', en: 'up' },
  waiting: { zh: '等待重试', en: 'waiting to retry' },
  blocked: { zh: '被平台拒绝', en: 'refused by the cloud' },
} as const satisfies Record<string, Localized>

export const SOURCE_TEXTS = {
  counter: { zh: '计数器', en: 'counter' },
  cycle_signal: { zh: '合模信号', en: 'cycle signal' },
  declared: { zh: '人工登记', en: 'declared' },
} as const satisfies Record<string, Localized>
