import { type LineSettings, settingsText } from '../bus/line-port.js'
import { lineDownTexts } from './line-down-texts.js'
import type { Localized } from './localized.js'

const lineEntry = ({ baud, format }: LineSettings): string =>
  `baud: ${baud}, format: ${format === '8E1' ? '"8E1"' : format}`
const pair = (what: Localized, remedy: Localized) => ({ what, remedy })

/** What passed over the line, in words. */
export const FRAMES = {
  echo: (of: Localized): Localized => ({ zh: `回声:${of.zh}`, en: `echo of: ${of.en}` }),
  modbusRequest: (unit: number, fn: number, address: string, count: number): Localized => ({
    zh: `问 ${unit} 功能 ${fn} 地址 ${address} 数量 ${count}`,
    en: `ask ${unit}, function ${fn}, ${count} from ${address}`,
  }),
  modbusWrite: (unit: number, fn: number, address: string): Localized => ({
    zh: `写 ${unit} 功能 ${fn} 地址 ${address}`,
    en: `write to ${unit}, function ${fn}, at ${address}`,
  }),
  modbusAnswer: (unit: number, fn: number, bytes: number): Localized => ({
    zh: `${unit} 应答 功能 ${fn},${bytes} 字节`,
    en: `${unit} answers, function ${fn}, ${bytes} bytes`,
  }),
  modbusRefusal: (unit: number, fn: number, code: number): Localized => ({
    zh: `${unit} 拒绝 功能 ${fn},异常码 ${code}`,
    en: `${unit} refuses function ${fn}, exception ${code}`,
  }),
  dlt645: (address: string, control: string, di: string, bytes: number): Localized => ({
    zh: `DL/T 645 表号 ${address} 控制码 ${control}${di ? ` 标识 ${di}` : ''},${bytes} 字节`,
    en: `DL/T 645 address ${address}, control ${control}${di ? `, identifier ${di}` : ''}, ${bytes} bytes`,
  }),
  stray: (bytes: number): Localized => ({ zh: `${bytes} 字节,不成帧`, en: `${bytes} bytes of no frame` }),
} as const

/** Every finding: how it shows, and what to do. */
export const DOCTOR = {
  cmdDoctor: { zh: '诊断', en: 'find out what is wrong' },
  cmdDoctorLine: { zh: '听总线并说出问题所在(只读)', en: 'listen to a line and name what is wrong (reads only)' },
  argLine: { zh: '总线 id(只有一条时可省)', en: 'line id (not needed when there is only one)' },
  optRaw: { zh: '显示每一帧及时间', en: 'show every frame with its time' },
  optRecord: { zh: '把记录写入文件,可附在报修单上', en: 'write the record to a file, for a ticket' },
  unknownLine: (id: string, known: readonly string[]): Localized => ({
    zh: `没有总线 "${id}":可用 ${known.join('、')}`,
    en: `there is no line "${id}": known are ${known.join(', ')}`,
  }),
  whichLine: (known: readonly string[]): Localized => ({
    zh: `写明哪条总线:${known.join('、')}`,
    en: `say which line: ${known.join(', ')}`,
  }),
  noMeters: (line: string): Localized => ({
    zh: `总线 ${line} 上没有配置电表:先用 metergate scan 查找`,
    en: `no meter is configured on ${line}: find them with metergate scan first`,
  }),
  noModbusTcp: {
    zh: 'Modbus TCP 没有串行总线可听:用 metergate read 检查各表',
    en: 'a Modbus TCP device has no wire to listen to: check its meters with metergate read',
  },
  listening: (seconds: number): Localized => ({
    zh: `静听 ${seconds} 秒`,
    en: `listening for ${seconds} s without asking`,
  }),
  asking: (unit: string): Localized => ({ zh: `询问 ${unit}`, en: `asking ${unit}` }),
  trying: (unit: string, settings: LineSettings): Localized => ({
    zh: `${unit} 不应答,试 ${settingsText(settings)}`,
    en: `${unit} is silent, trying ${settingsText(settings)}`,
  }),
  reading: (unit: string): Localized => ({ zh: `查看 ${unit} 的数值`, en: `looking at the values of ${unit}` }),
  found: (count: number): Localized => ({
    zh: `发现 ${count} 个问题`,
    en: `${count} ${count === 1 ? 'problem' : 'problems'} found`,
  }),
  remedy: { zh: '办法', en: 'what to do' },
  recorded: (file: string): Localized => ({ zh: `记录已写入 ${file}`, en: `the record is in ${file}` }),
  fileExists: (file: string): Localized => ({
    zh: `${file} 已存在,未改动:换一个文件名`,
    en: `${file} exists and was left alone: give another name`,
  }),
  healthy: (units: number, asked: number) =>
    pair(
      { zh: `总线正常:${units} 块表,${asked} 次询问`, en: `the line is healthy: ${units} meters, ${asked} questions` },
      { zh: '无需处理', en: 'nothing' },
    ),
  lineDown: (why: string, isSocket: boolean) =>
    pair(
      { zh: `总线打不开:${lineDownTexts(why).zh}`, en: `the line cannot be opened: ${why}` },
      isSocket
        ? {
            zh: '检查串口服务器是否通电、网线、IP 地址和端口号;断开占用它的其他客户端',
            en: 'check that the serial server is on, its cable, its address and its port number; disconnect other clients',
          }
        : {
            zh: '插好转换器,检查端口名,停止占用它的程序',
            en: 'plug the adapter in, check the name of the port, stop the program that uses it',
          },
    ),
  nothingThroughServer: pair(
    {
      zh: '经串口服务器没有听到任何字节;波特率在串口服务器中设置,这里无法试其他设置',
      en: 'not one byte was heard through the serial server; its speed is set in it, so no other could be tried from here',
    },
    {
      zh: '在串口服务器中核对波特率、校验和透明传输模式;检查表是否上电;A、B 是否接反(对调一次试试);线是否断;地址是否正确',
      en: 'check speed, parity and transparent mode in the serial server; check that the meters have power; swap A and B once; look for a broken wire; check the unit ids',
    },
  ),
  nothingHeard: (settings: LineSettings) =>
    pair(
      {
        zh: `在 ${settingsText(settings)} 及其他常用设置下没有听到任何字节`,
        en: `not one byte was heard at ${settingsText(settings)}, nor at any other usual setting`,
      },
      {
        zh: '检查表是否上电;A、B 是否接反(对调一次试试);线是否断;地址是否正确;表是否设为 DL/T 645 或 Modbus;再用 metergate scan 查找',
        en: 'check that the meters have power; swap A and B once; look for a broken wire; check the unit ids and whether the meters are set to Modbus or DL/T 645; then metergate scan',
      },
    ),
  silent: (unit: string) =>
    pair(
      { zh: `${unit} 不应答,其他表正常`, en: `${unit} does not answer, while others do` },
      {
        zh: '检查它的供电、接线和地址;用 metergate scan 看它是否在别的地址或协议上',
        en: 'check its supply, its wires and its unit id; metergate scan shows whether it answers at another one',
      },
    ),
  silentElsewhere: (unit: string, ours: LineSettings, theirs: LineSettings) =>
    pair(
      {
        zh: `${unit} 在 ${settingsText(ours)} 和 ${settingsText(theirs)} 下都不应答`,
        en: `${unit} answers neither at ${settingsText(ours)} nor at ${settingsText(theirs)}`,
      },
      {
        zh: '检查它的供电、接线和地址;改好总线设置后再诊断一次',
        en: 'check its supply, its wires and its unit id; run this again once the line is set right',
      },
    ),
  wrongLineSettings: (ours: LineSettings, theirs: LineSettings) =>
    pair(
      {
        zh: `在 ${settingsText(ours)} 下无表应答,应答的表都在 ${settingsText(theirs)} 下:总线的${ours.baud === theirs.baud ? '校验位' : '波特率'}写错`,
        en: `nobody answers at ${settingsText(ours)}, whoever answers does so at ${settingsText(theirs)}: the ${ours.baud === theirs.baud ? 'parity' : 'speed'} of the line is wrong`,
      },
      {
        zh: `在配置中把这条总线改为 ${lineEntry(theirs)}`,
        en: `set the line's ${lineEntry(theirs)} in the configuration`,
      },
    ),
  otherUnit: (unit: string, ids: readonly string[]) =>
    pair(
      {
        zh: `问 ${unit} 时应答的是别的地址:${ids.slice(0, 5).join('、')}`,
        en: `asked as ${unit}, something answers under another unit id: ${ids.slice(0, 5).join(', ')}`,
      },
      {
        zh: '在表上核对地址并改正配置或表;用 metergate scan 查看各地址',
        en: 'compare the unit id set on the meter with the configuration and correct one of them; metergate scan lists who answers where',
      },
    ),
  wrongSettings: (unit: string, ours: LineSettings, theirs: LineSettings) =>
    pair(
      {
        zh: `${unit} 在 ${settingsText(ours)} 下不应答,在 ${settingsText(theirs)} 下应答:${ours.baud === theirs.baud ? '校验位不对' : '波特率不对'}`,
        en: `${unit} is silent at ${settingsText(ours)} and answers at ${settingsText(theirs)}: the ${ours.baud === theirs.baud ? 'parity' : 'speed'} is wrong`,
      },
      {
        zh: `在表上改为 ${settingsText(ours)},或在配置中给这块表写 serial: { baud: ${theirs.baud}, format: ${theirs.format} }`,
        en: `set the meter to ${settingsText(ours)}, or give it serial: { baud: ${theirs.baud}, format: ${theirs.format} } in the configuration`,
      },
    ),
  clash: (unit: string, broken: number, asked: number, areOthersFine: boolean) =>
    pair(
      {
        zh: `${unit} 有两个应答:${asked} 次询问中 ${broken} 次互相干扰${areOthersFine ? ',其他地址正常' : ''}`,
        en: `two answer as ${unit}: ${broken} of ${asked} answers got in each other's way${areOthersFine ? ', while other addresses are fine' : ''}`,
      },
      {
        zh: '两块表地址相同:逐一断开,给其中一块改地址',
        en: 'two meters have this unit id: disconnect one after the other and give one of them another id',
      },
    ),
  noise: (broken: number, asked: number, units: readonly string[]) =>
    pair(
      {
        zh: `${asked} 次询问中 ${broken} 次应答损坏(${units.join('、')})`,
        en: `${broken} of ${asked} answers came damaged (${units.join(', ')})`,
      },
      {
        zh: '用双绞屏蔽线,远离变频器,屏蔽层一端接地;两端各加 120 Ω 终端电阻;检查接线端子;可降低波特率',
        en: 'use twisted, shielded pair away from inverters, shield grounded at one end; 120 Ω at both ends; check the terminals; a lower speed helps',
      },
    ),
  unaskedBytes: (bytes: number) =>
    pair(
      { zh: `未询问时听到 ${bytes} 个杂乱字节`, en: `${bytes} bytes were heard although nobody was asked` },
      {
        zh: '总线悬空或有别的设备以其他设置通信:加偏置电阻(A 上拉、B 下拉),检查是否还有主机',
        en: 'the pair floats, or somebody talks at other settings: add bias resistors (A up, B down), look for a second master',
      },
    ),
  unsteady: (unit: string, silent: number, asked: number) =>
    pair(
      {
        zh: `${unit} 时有时无:${asked} 次中 ${silent} 次不应答`,
        en: `${unit} answers only sometimes: ${silent} of ${asked} questions got none`,
      },
      {
        zh: '检查接线端子和供电;有的表两次询问之间需要停顿(查看型号说明)',
        en: 'check terminals and supply; some models need a pause between questions (see the notes of the model)',
      },
    ),
  echo: (echoes: number, asked: number) =>
    pair(
      {
        zh: `转换器把自己发的字节也收回来(${asked} 次中 ${echoes} 次回声),程序会去掉回声`,
        en: `the adapter hears itself (${echoes} echoes of ${asked} questions); the echo is taken off`,
      },
      {
        zh: '不影响采集;可换自动收发的转换器',
        en: 'reading works nevertheless; an adapter with automatic direction has no echo',
      },
    ),
  strayBytes: (strays: number, asked: number, units: readonly string[]) =>
    pair(
      {
        zh: `${asked} 次询问中 ${strays} 次应答前后夹有杂乱字节(${units.join('、')}),程序会去掉`,
        en: `stray bytes came with ${strays} of ${asked} answers (${units.join(', ')}); they are taken off`,
      },
      {
        zh: '不影响采集;总线在收发切换时悬空:加偏置电阻(A 上拉、B 下拉),两端各加 120 Ω 终端电阻',
        en: 'reading works nevertheless; the pair floats while a driver switches: add bias resistors (A up, B down) and 120 Ω at both ends',
      },
    ),
  late: (unit: string, late: number, asked: number, timeoutMs: number) =>
    pair(
      {
        zh: `${unit} 应答太晚:${asked} 次中 ${late} 次超过 ${Math.round(timeoutMs)} ms`,
        en: `${unit} answers too late: ${late} of ${asked} came after ${Math.round(timeoutMs)} ms`,
      },
      {
        zh: '程序会自动延长等待,最多 700 ms;一直更慢的表:复制其型号文件,写大 turnaround_ms.max;若经无线或网络转换器,检查其打包时间',
        en: 'the waiting time adapts by itself up to 700 ms; for a meter that is always slower copy its profile and raise turnaround_ms.max; behind a radio or network converter check its packing time',
      },
    ),
  refuses: (unit: string) =>
    pair(
      { zh: `${unit} 拒绝所有询问的寄存器`, en: `${unit} answers, but refuses every register asked for` },
      {
        zh: '型号可能写错:用 metergate scan 识别它',
        en: 'the model in the configuration is probably wrong: let metergate scan name it',
      },
    ),
  refusesSome: (unit: string, refused: number, asked: number) =>
    pair(
      {
        zh: `${unit} 拒绝了 ${asked} 次询问中的 ${refused} 次`,
        en: `${unit} refuses ${refused} of ${asked} questions`,
      },
      {
        zh: '--raw 可看到异常码:2 为没有这个寄存器或一次读得太长(程序会拆开再读);4、6 为表忙或故障。status 中这块表缺读数时,核对型号',
        en: '--raw shows the exception: 2 is a register it does not have or a read too long for it, which is split by itself; 4 and 6 are a meter that is faulty or busy. Where status shows readings missing, compare the model with the plate',
      },
    ),
  otherMaster: (frames: number) =>
    pair(
      {
        zh: `未询问时听到 ${frames} 个完整的帧:总线上有另一个主机`,
        en: `${frames} whole frames were heard although nobody was asked: there is another master`,
      },
      {
        zh: '停止或断开另一个主机:一条总线只能有一个',
        en: 'stop or disconnect the other master: a line can have only one',
      },
    ),
  phaseMissing: (unit: string, phases: readonly string[]) =>
    pair(
      { zh: `${unit} 缺相:${phases.join('、')} 没有电压`, en: `${unit}: no voltage on ${phases.join(', ')}` },
      { zh: '检查该相的熔断器和电压接线', en: 'check the fuse and the voltage wire of that phase' },
    ),
  ctReversed: (unit: string, phases: readonly string[]) =>
    pair(
      {
        zh: `${unit} 的 ${phases.join('、')} 相互感器接反:功率为负`,
        en: `${unit}: the CT on ${phases.join(', ')} is reversed, its power is negative`,
      },
      {
        zh: '断电后对调该相互感器的 S1、S2(或把互感器翻面);带电时不得开路二次侧',
        en: 'with the power off swap S1 and S2 of that CT (or turn it round); never open its secondary under load',
      },
    ),
  allReversed: (unit: string) =>
    pair(
      {
        zh: `${unit} 三相功率都为负:三个互感器都接反,或正在向电网送电(光伏)`,
        en: `${unit}: all three powers are negative: every CT is reversed, or energy is fed back (solar)`,
      },
      {
        zh: '没有光伏时,断电后对调三个互感器的 S1、S2;若功率仍不对,逐相核对互感器与电压是否同相',
        en: 'without solar swap S1 and S2 of all three CTs with the power off; if that does not help, check that each CT is on the phase of its voltage',
      },
    ),
  ctSwapped: (unit: string, phases: readonly string[]) =>
    pair(
      {
        zh: `${unit} 的 ${phases.join('、')} 相互感器互换:电流与电压不同相`,
        en: `${unit}: the CTs of ${phases.join(' and ')} are swapped, currents and voltages are of different phases`,
      },
      {
        zh: '断电后对调这些相的互感器接线(或电压接线)',
        en: 'with the power off exchange the CT wires (or the voltage wires) of these phases',
      },
    ),
  ctConfused: (unit: string) =>
    pair(
      { zh: `${unit} 各相电流与电压对不上`, en: `${unit}: currents and voltages do not belong together` },
      { zh: '逐相核对互感器的相别和方向', en: 'check phase and direction of each CT' },
    ),
  ratioDiffers: (unit: string, ours: number, theirs: number) =>
    pair(
      {
        zh: `${unit} 的 CT 变比不一致:配置为 ${ours},表内为 ${theirs}`,
        en: `${unit}: the CT ratio differs, ${ours} in the configuration, ${theirs} in the meter`,
      },
      {
        zh: '按互感器铭牌改正其中之一(ct: 200/5 = 40)',
        en: 'correct one of them by the plate of the CT (ct: 200/5 = 40)',
      },
    ),
  tooMuchPower: (unit: string, power: number, most: number) =>
    pair(
      {
        zh: `${unit} 显示 ${Math.round(power / 1000)} kW,超过该回路的 ${Math.round(most / 1000)} kW:变比不对`,
        en: `${unit} shows ${Math.round(power / 1000)} kW, more than the ${Math.round(most / 1000)} kW of this feed: the ratio is off`,
      },
      { zh: '按互感器铭牌改正 ct', en: 'correct ct by the plate of the CT' },
    ),
  impossible: (unit: string, values: readonly { readonly label: Localized; readonly value: string }[]) =>
    pair(
      {
        zh: `${unit} 显示不可能的数值（${values.map(({ label, value }) => `${label.zh} ${value}`).join('、')}）：型号是否写错？`,
        en: `${unit} shows values no meter can show (${values.map(({ label, value }) => `${label.en} ${value}`).join(', ')}): wrong model configured?`,
      },
      {
        zh: '与铭牌核对 profile；用 metergate scan 识别它',
        en: 'compare profile with the plate, and let metergate scan name it',
      },
    ),
  implausible: (unit: string) =>
    pair(
      { zh: `${unit} 的数值互相矛盾`, en: `the values of ${unit} contradict each other` },
      {
        zh: '型号可能写错:用 metergate scan 识别它',
        en: 'the model in the configuration is probably wrong: let metergate scan name it',
      },
    ),
} as const
