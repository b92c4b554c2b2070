import type { Localized } from './localized.js'

/** The longest path of a Unix socket on Linux. */
export const MOST_SOCKET_BYTES = 107

/**
 * What a value of the configuration should look like, said as the remedy when it does not. The schema names one of
 * these for every field.
 */
export const CONFIG_HINTS = {
  id: {
    zh: '用小写字母、数字、- 和 _，1 到 32 个字符，例如 press-1',
    en: 'use lower-case letters, digits, - and _, 1 to 32 characters, e.g. press-1',
  },
  label: { zh: '写 1 到 80 个字符的名称', en: 'write a name of 1 to 80 characters' },
  port: {
    zh: '写串口 /dev/ttyUSB0，或 "rtu_over_tcp 192.168.1.10:8899"，或 "modbus_tcp 192.168.1.20:502"',
    en: 'write a serial port /dev/ttyUSB0, or "rtu_over_tcp 192.168.1.10:8899", or "modbus_tcp 192.168.1.20:502"',
  },
  baud: {
    zh: '波特率写 300、600、1200、2400、4800、9600、19200、38400、57600 或 115200（以电表面板设置为准）',
    en: 'write 300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600 or 115200, as set on the meter',
  },
  format: {
    zh: '数据格式写 8N1、8E1、8O1 或 8N2（数据位、校验、停止位）',
    en: 'write 8N1, 8E1, 8O1 or 8N2 (data bits, parity, stop bits)',
  },
  line: { zh: '写 lines 中某条总线的 id', en: 'write the id of one of the lines' },
  profile: {
    zh: '写电表型号的 id，例如 eastron-sdm630；用 metergate profiles list 查看',
    en: 'write the id of a meter model, e.g. eastron-sdm630; see metergate profiles list',
  },
  unit: { zh: '从站地址写 1 到 247 的整数（电表面板上的地址）', en: 'write the unit id set on the meter, 1 to 247' },
  address: {
    zh: '写 12 位数字的表号，加引号，例如 "000000123456"',
    en: 'write the 12-digit meter address in quotes, e.g. "000000123456"',
  },
  broadcast: {
    zh: '这是广播地址，所有电表都会应答；写电表面板上的 12 位表号',
    en: "that is the broadcast address, which every meter hears; write the 12 digits on the meter's panel",
  },
  ratio: {
    zh: '写变比 "200/5" 或倍数 40；不接互感器写 1',
    en: 'write the ratio as "200/5" or its value 40; 1 without a transformer',
  },
  check_limit: {
    zh: '写大于 0 的数，例如 0.05',
    en: 'write a number above 0, e.g. 0.05',
  },
  check_count: { zh: '写 1 以上的整数，例如 8', en: 'write a whole number from 1, e.g. 8' },
  check_share: { zh: '写大于 0、小于 0.5 的数，例如 0.05', en: 'write a number above 0 and below 0.5, e.g. 0.05' },
  power: { zh: '写大于 0 的千瓦数，例如 55', en: 'write kilowatts above 0, e.g. 55' },
  duration: { zh: '写时长，例如 10s、15m、1h', en: 'write a length of time, e.g. 10s, 15m, 1h' },
  poll: { zh: '写 1s 到 24h 的时长，例如 10s', en: 'write 1s to 24h, e.g. 10s' },
  interval: { zh: '写 1m、5m、15m、30m 或 60m', en: 'write 1m, 5m, 15m, 30m or 60m' },
  timezone: { zh: '写 IANA 时区名，例如 Asia/Shanghai', en: 'write an IANA time zone, e.g. Asia/Shanghai' },
  time_of_day: { zh: '写 24 小时制时刻并加引号，例如 "08:00"', en: 'write a 24-hour time in quotes, e.g. "08:00"' },
  size: {
    zh: '写容量，例如 512MiB 或 1GiB；至少 16MiB',
    en: 'write a size, e.g. 512MiB or 1GiB; at least 16MiB',
  },
  ballast: { zh: '写预留空间，例如 8MiB，或 0', en: 'write the space kept in reserve, e.g. 8MiB, or 0' },
  folder: { zh: '写文件夹路径，例如 /var/lib/metergate', en: 'write a folder, e.g. /var/lib/metergate' },
  commit_window: { zh: '写 1s 到 60s 的时长，例如 10s', en: 'write 1s to 60s, e.g. 10s' },
  cloud: {
    zh: '写 https:// 开头的平台地址；明文 http 只允许本机（127.0.0.1）',
    en: 'write an https:// address; plain http only to this very machine (127.0.0.1)',
  },
  every: { zh: '写 1s 到 1h 的时长，例如 60s', en: 'write 1s to 1h, e.g. 60s' },
  data_plan: { zh: '写 unlimited（不限流量）或 metered（按流量计费）', en: 'write unlimited or metered' },
  product_unit: { zh: '写计量单位，例如 pair、kg、piece', en: 'write what is counted, e.g. pair, kg, piece' },
  quantity: {
    zh: '写该型号的计数量，例如 pulse_count_1；用 metergate profiles show 型号 查看',
    en: 'write a counter of that model, e.g. pulse_count_1; see metergate profiles show MODEL',
  },
  pieces: {
    zh: '写每个脉冲的件数，大于 0，例如 1 或 0.5',
    en: 'write pieces per pulse above 0, e.g. 1 or 0.5',
  },
  cavities: { zh: '写模具穴数，1 到 64 的整数', en: 'write the cavities of the mould, 1 to 64' },
  weight: { zh: '写每单位产品的公斤数，大于 0，例如 0.35', en: 'write kilograms per unit above 0, e.g. 0.35' },
  group_kind: {
    zh: 'kind 写 main_and_sub（总表与分表，并写 main）或 sum（相加）',
    en: 'write kind: main_and_sub (with main) or sum',
  },
  share: { zh: '写大于 0 的份额，例如 0.35', en: 'write a share above 0, e.g. 0.35' },
  tariff: { zh: '写分时方案 zhejiang-industry-tou', en: 'write a schedule: zhejiang-industry-tou' },
  price: { zh: '写大于 0 的金额（元），例如 0.8123', en: 'write an amount of CNY above 0, e.g. 0.8123' },
  power_factor: { zh: '写功率因数标准 0.9、0.85 或 0.8', en: 'write the standard: 0.9, 0.85 or 0.8' },
  co2: { zh: '写排放因子的 id，例如 co2-zhejiang-2023', en: 'write the id of a factor, e.g. co2-zhejiang-2023' },
  weekday: { zh: '写 monday 到 sunday', en: 'write monday to sunday' },
  flag: { zh: '写 true 或 false', en: 'write true or false' },
  date: { zh: '写日期，例如 "2026-01-31"', en: 'write a date, e.g. "2026-01-31"' },
  meter: { zh: '写 meters 中某块表的 id', en: 'write the id of one of the meters' },
  language: { zh: '写 zh 或 en', en: 'write zh or en' },
  log_level: { zh: '写 debug、info、warn 或 error', en: 'write debug, info, warn or error' },
  log_format: { zh: '写 auto、json 或 pretty', en: 'write auto, json or pretty' },
  list: { zh: '写成列表，每项以 - 开头', en: 'write a list, each entry starting with -' },
  section: { zh: '写成一组“键: 值”,向右缩进', en: 'write indented lines of "key: value"' },
} as const satisfies Record<string, Localized>

export type ConfigHint = keyof typeof CONFIG_HINTS

/** What is wrong in a configuration file. */
export const CONFIG_PROBLEMS = {
  fileMissing: { zh: '找不到配置文件', en: 'the configuration file does not exist' },
  fileUnreadable: (why: string): Localized => ({
    zh: `配置文件无法读取（${why}）`,
    en: `the configuration file cannot be read (${why})`,
  }),
  notYaml: (why: string): Localized => ({ zh: `YAML 格式错误：${why}`, en: `this is not valid YAML: ${why}` }),
  tooLarge: {
    zh: '文件超过 1 MiB，不像是配置或型号文件',
    en: 'the file is over 1 MiB, too much for a configuration or a model',
  },
  notText: { zh: '这不是 UTF-8 编码的文本', en: 'this is not text in UTF-8' },
  tooDeep: { zh: '嵌套太深（超过 200 层）', en: 'this is nested too deep (over 200 levels)' },
  severalDocuments: {
    zh: '文件里有多份 YAML 文档（用 --- 隔开）',
    en: 'the file holds several YAML documents, divided by ---',
  },
  unknownTag: { zh: '不认识以 ! 开头的 YAML 标签', en: 'this YAML tag (a word with ! before it) is not known' },
  tooManyAliases: {
    zh: 'YAML 别名（*名称）展开后过大',
    en: 'the YAML aliases (*name) stand for far too much text',
  },
  unknownAlias: (name: string): Localized => ({
    zh: `别名 *${name} 之前没有 &${name}`,
    en: `there is no &${name} before the alias *${name}`,
  }),
  endlessAlias: (name: string): Localized => ({
    zh: `别名 *${name} 包含它自己`,
    en: `the alias *${name} contains itself`,
  }),
  tabs: { zh: 'YAML 不允许用制表符（Tab）缩进', en: 'YAML does not allow tabs as indentation' },
  duplicateKey: (key: string): Localized => ({ zh: `${key} 写了两次`, en: `${key} is written twice` }),
  emptyFile: { zh: '文件是空的', en: 'the file is empty' },
  fullWidth: (sign: string): Localized => ({
    zh: `这里有全角标点“${sign}”`,
    en: `this line holds the full-width sign ${sign}`,
  }),
  profileMissing: { zh: '找不到此文件', en: 'there is no such file' },
  profileUnreadable: (why: string): Localized => ({ zh: `文件无法读取（${why}）`, en: `it cannot be read (${why})` }),
  unknownQuantity: { zh: '没有这个量', en: 'there is no such quantity' },
  missing: { zh: '缺少此项', en: 'this is missing' },
  wrongType: (is: Localized): Localized => ({ zh: `类型不对：这是${is.zh}`, en: `wrong type: this is ${is.en}` }),
  notAllowed: { zh: '不是允许的值', en: 'this value is not allowed' },
  unknownKey: (key: string): Localized => ({ zh: `没有 ${key} 这一项`, en: `there is no such key as ${key}` }),
  unknownEnv: (name: string): Localized => ({
    zh: `没有 ${name} 这个环境变量`,
    en: `there is no such setting as ${name}`,
  }),
  unknownLine: { zh: '没有这条总线', en: 'there is no such line' },
  unknownMeter: { zh: '没有这块表', en: 'there is no such meter' },
  nobodyBilled: {
    zh: '有多块表，没有说明按哪一块计费',
    en: 'there are several meters, and none is named to be billed',
  },
  unknownProfile: { zh: '没有这个电表型号', en: 'there is no such meter model' },
  profileFolderMissing: { zh: '找不到型号文件夹', en: 'the folder of meter models does not exist' },
  profileFolderIsFile: { zh: '这是文件，不是文件夹', en: 'this is a file, not a folder' },
  profileFolderUnreadable: (why: string): Localized => ({
    zh: `型号文件夹无法读取（${why}）`,
    en: `the folder of meter models cannot be read (${why})`,
  }),
  sameModel: (file: string): Localized => ({
    zh: `文件 ${file} 已用此型号 id`,
    en: `the file ${file} has this id already`,
  }),
  duplicateId: (first: string): Localized => ({ zh: `与 ${first} 重名`, en: `already used by ${first}` }),
  duplicateUnit: (line: string, other: string): Localized => ({
    zh: `总线 ${line} 上 ${other} 已用此从站地址`,
    en: `on line ${line} this unit id is already used by ${other}`,
  }),
  duplicateAddress: (line: string, other: string): Localized => ({
    zh: `总线 ${line} 上 ${other} 已用此表号`,
    en: `on line ${line} this meter address is already used by ${other}`,
  }),
  ballastOverCap: { zh: '预留空间不小于容量上限 store.cap', en: 'the reserve is not below the size limit, store.cap' },
  folderTooLong: (bytes: number): Localized => ({
    zh: `路径太长：其中的控制套接字有 ${bytes} 字节，系统最多允许 ${MOST_SOCKET_BYTES} 字节`,
    en: `this path is too long: the control socket in it has ${bytes} bytes, and the system allows ${MOST_SOCKET_BYTES}`,
  }),
  duplicatePort: (other: string): Localized => ({
    zh: `${other} 已占用此端口`,
    en: `this port is already used by ${other}`,
  }),
  baudNotSupported: (meter: string, model: string): Localized => ({
    zh: `${meter}（${model}）不支持此波特率`,
    en: `${meter} (${model}) cannot talk at this baud rate`,
  }),
  formatNotSupported: (meter: string, model: string): Localized => ({
    zh: `${meter}（${model}）不支持此数据格式`,
    en: `${meter} (${model}) cannot talk in this format`,
  }),
  baudUncertain: (meter: string, baud: number): Localized => ({
    zh: `${meter} 的型号资料只写了 ${baud}`,
    en: `only ${baud} is documented for ${meter}`,
  }),
  unitMissing: { zh: '缺少从站地址', en: 'the unit id is missing' },
  addressMissing: { zh: '缺少表号', en: 'the meter address is missing' },
  unitOnDlt645: { zh: 'DL/T 645 电表没有从站地址', en: 'a DL/T 645 meter has no unit id' },
  addressOnModbus: { zh: 'Modbus 电表没有 12 位表号', en: 'a Modbus meter has no 12-digit address' },
  dlt645OverTcp: { zh: 'DL/T 645 电表不能接在 modbus_tcp 上', en: 'a DL/T 645 meter cannot be on modbus_tcp' },
  ratioOnPrimary: (model: string): Localized => ({
    zh: `${model} 已给出一次侧数值，再乘变比会多算，故忽略`,
    en: `${model} already gives primary values; this ratio would multiply them again, so it is ignored`,
  }),
  ratioMissing: (model: string): Localized => ({
    zh: `${model} 给出二次侧数值，未写 ct 按 1 计算`,
    en: `${model} gives secondary values; without ct they are taken as they are`,
  }),
  ratioOnlyInMeter: (model: string): Localized => ({
    zh: `${model} 给出二次侧数值，未写 ct 按 1 计算；表内设置的变比不参与计算`,
    en: `${model} gives secondary values; without ct they are taken as they are, whatever ratio is set in the meter`,
  }),
  quantityNotInProfile: (meter: string, model: string): Localized => ({
    zh: `${meter}（${model}）没有此量`,
    en: `${meter} (${model}) does not measure this`,
  }),
  notACounter: { zh: '这是瞬时量，不是累计计数', en: 'this is a momentary value, not a counter' },
  noEnergyRegister: (model: string): Localized => ({
    zh: `此表（${model}）没有正向有功电能`,
    en: `this meter (${model}) has no active energy register`,
  }),
  piecesAndCavities: {
    zh: 'pieces_per_pulse 与 cavities 只能写一个',
    en: 'pieces_per_pulse and cavities exclude each other',
  },
  energyTwice: { zh: '同一块表写了两次', en: 'the same meter is listed twice' },
  mainAmongSubs: { zh: '总表不能同时是自己的分表', en: 'the main meter cannot be one of its own sub meters' },
  mainWithSubs: (group: string, subs: readonly string[]): Localized => ({
    zh: `在组 ${group} 中这是总表，其分表 ${subs.join('、')} 也写在这里，电量会重复计算`,
    en: `in group ${group} this is the main meter of ${subs.join(', ')}, listed here too: that energy counts twice`,
  }),
  energyOfTwo: (other: string): Localized => ({
    zh: `产品 ${other} 也用这块表的电量，两者都会得到全部电量`,
    en: `product ${other} has this meter's energy too, and each is given all of it`,
  }),
  counterOfTwo: (other: string): Localized => ({
    zh: `产品 ${other} 也用这个计数，两者都会得到全部计数`,
    en: `product ${other} has this counter too, and each is given every count`,
  }),
  baselineBackwards: { zh: '结束日期早于开始日期', en: 'the last day is before the first' },
  shiftOffGrid: (minutes: number): Localized => ({
    zh: `不在 ${minutes} 分钟的区间边界上，这个班次不会有完整的电量`,
    en: `lies inside an interval of ${minutes} minutes, so this shift gets no whole figures`,
  }),
  shiftsOverlap: (other: string): Localized => ({ zh: `与班次 ${other} 时间重叠`, en: `overlaps shift ${other}` }),
  otherCloud: (enrolled: string): Localized => ({
    zh: `本网关注册在另一个平台 ${enrolled}`,
    en: `this gateway is enrolled with another cloud, ${enrolled}`,
  }),
  noMeters: { zh: '没有配置任何电表', en: 'no meter is configured' },
} as const satisfies Record<string, Localized | ((...facts: never[]) => Localized)>

/** What to do about it, where the field's own hint does not say. */
export const CONFIG_REMEDIES = {
  nameBilledMeter: {
    zh: '写 tariff.meter: 表的 id，或在 groups 里写一组 main_and_sub',
    en: 'write tariff.meter: the id of a meter, or a group main_and_sub under groups',
  },
  init: {
    zh: '用 metergate init 生成，或用 --config 指明路径',
    en: 'create it with metergate init, or name its path with --config',
  },
  permission: { zh: '检查路径与读权限', en: 'check the path and the permission to read it' },
  otherFile: { zh: '检查文件名是否写对', en: 'check that the right file is named' },
  saveAsUtf8: {
    zh: '在编辑器中另存为 UTF-8 编码（记事本：另存为，编码选 UTF-8）；若本不是文本文件，检查文件名是否写对',
    en: 'save it as UTF-8 in the editor (Notepad: Save as, Encoding UTF-8); if it is no text at all, check that the right file is named',
  },
  closeBrackets: { zh: '检查括号和缩进', en: 'check the brackets and the indentation' },
  oneDocument: { zh: '只留一份，删去 ---', en: 'keep one of them and remove ---' },
  removeTag: {
    zh: '删去标签；若本是以 ! 开头的文字，请加引号',
    en: 'remove it; text that begins with ! needs quotes',
  },
  aliases: { zh: '不用别名，把内容直接写出来', en: 'write the content out instead of the alias' },
  nameFolder: { zh: '写型号文件所在的文件夹', en: 'name the folder that holds the model files' },
  renameModel: { zh: '改其中一个的 id，或移走一个文件', en: 'give one of them another id, or move one file away' },
  tabs: { zh: '每个 Tab 改成空格', en: 'put spaces in its place' },
  fullWidth: (ascii: string): Localized => ({
    zh: `改成半角 ${ascii}，冒号和逗号后留一个空格`,
    en: `write the plain sign ${ascii} instead, with a space after it`,
  }),
  profilePath: { zh: '检查文件路径', en: 'check the path' },
  yaml: {
    zh: '检查缩进（只用空格）、冒号后的空格和引号',
    en: 'check the indentation (spaces only), the space after each colon, and quotes',
  },
  didYouMean: (near: string): Localized => ({ zh: `是否想写 ${near}?`, en: `did you mean ${near}?` }),
  oneOf: (known: readonly string[]): Localized => ({
    zh: `可用：${known.join('、')}`,
    en: `known here: ${known.join(', ')}`,
  }),
  nearModels: (near: readonly string[]): Localized => ({
    zh: `相近的型号：${near.join('、')}；全部见 metergate profiles list`,
    en: `similar: ${near.join(', ')}; all of them: metergate profiles list`,
  }),
  rename: { zh: '改一个不同的 id', en: 'give it another id' },
  changeUnit: {
    zh: '改成电表面板上的地址；若两块表地址真的相同，先在表上改掉一个，或分接到两条总线',
    en: "write what the meter's panel shows; if both really share it, change one on the meter or use a second line",
  },
  smallerBallast: { zh: '改小，例如 8MiB', en: 'write less, e.g. 8MiB' },
  shorterFolder: { zh: '改用较短的路径，例如 /var/lib/metergate', en: 'use a shorter one, e.g. /var/lib/metergate' },
  changePort: { zh: '每条总线用自己的端口', en: 'give each line a port of its own' },
  bauds: (known: readonly (string | number)[]): Localized => ({
    zh: `改为 ${known.join('、')} 之一，并在表上设成一致`,
    en: `use ${known.join(', ')} and set the meter to the same`,
  }),
  checkBaud: { zh: '确认电表面板的设置', en: "check the meter's own setting" },
  removeLine: (key: string): Localized => ({ zh: `删去 ${key}`, en: `remove ${key}` }),
  useAddress: { zh: '改写 address: "12 位表号"', en: 'write address: "12 digits" instead' },
  useUnit: { zh: '改写 unit: 从站地址', en: 'write unit: instead' },
  serialOrTransparent: { zh: '接到串口或 rtu_over_tcp 总线', en: 'put it on a serial or rtu_over_tcp line' },
  writeRatio: {
    zh: '写 ct: "200/5" 这样的变比；直接接入写 ct: 1',
    en: 'write e.g. ct: "200/5"; ct: 1 when connected directly',
  },
  keepOne: { zh: '留下一个，删去另一个', en: 'keep one of them' },
  mainOrSubs: (main: string): Localized => ({
    zh: `只留分表（删去 ${main}），或只留总表`,
    en: `keep the sub meters (remove ${main}), or the main meter alone`,
  }),
  meterPerProduct: {
    zh: '每个产品用自己的电表；若只有一块表，写成一个产品',
    en: 'give each product meters of its own, or write one product for the meter',
  },
  counterPerProduct: {
    zh: '每个产品用自己的计数；仅当一次动作同时做出两种产品时才可共用',
    en: 'give each product a counter of its own; one for two is right only where each cycle makes both',
  },
  shiftOnGrid: {
    zh: '改到区间边界，或把 plant.interval 设为能整除它的值（如 5m）',
    en: 'move it to where an interval ends, or write a shorter plant.interval that meets it, e.g. 5m',
  },
  moveShift: { zh: '改开始或结束时刻', en: 'change its start or end' },
  otherCloud: (enrolled: string, file: string): Localized => ({
    zh: `改为 ${enrolled}（或删去此项）；要换平台则用新平台的注册码执行 metergate enrol；若只是平台换了地址，改 ${file} 中的 cloud`,
    en: `write ${enrolled} (or leave it out); to move, run metergate enrol with a code of the new cloud; if the same cloud has a new address, change cloud in ${file}`,
  }),
  addMeter: { zh: '在 meters: 下至少写一块表', en: 'add at least one under meters:' },
  andMore: (first: Localized, more: number): Localized => ({
    zh: `${first.zh}；另有 ${more} 处，用 metergate profiles check 文件 查看`,
    en: `${first.en}; ${more} more: metergate profiles check FILE`,
  }),
  profileFolder: { zh: '建立该文件夹，或删去 profiles 一项', en: 'create the folder, or remove profiles' },
} as const satisfies Record<string, Localized | ((...facts: never[]) => Localized)>

/** Names of YAML value types, as a person would say them. */
export const TYPE_NAMES = {
  string: { zh: '文字', en: 'text' },
  number: { zh: '数字', en: 'a number' },
  boolean: { zh: '是/否值', en: 'true or false' },
  null: { zh: '空值', en: 'empty' },
  array: { zh: '列表', en: 'a list' },
  object: { zh: '一组键值', en: 'a group of keys' },
} as const satisfies Record<string, Localized>
