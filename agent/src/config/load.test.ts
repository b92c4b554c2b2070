import { mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { QUANTITY_NAMES } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import type { Language } from '../i18n/localized.js'
import { issueText } from './issue.js'
import { checkSource, loadConfig } from './load.js'

import { nearest } from './nearest.js'
import { formatPort } from './parse.js'

const GOOD = `# plant of slippers
plant:
  name: 瑞安注塑鞋厂
  interval: 15m
  shifts:
    - { id: A, from: "08:00", to: "20:00" }
    - { id: B, from: "20:00", to: "08:00" }
lines:
  - id: line-1
    port: /dev/ttyUSB0
    baud: 9600
    format: 8N1
meters:
  - id: press-1
    line: line-1
    profile: eastron-sdm630
    unit: 1
  - id: press-2
    line: line-1
    profile: chint-dtsu666
    unit: 2
    ct: 200/5
  - id: counter-1
    line: line-1
    profile: advantech-adam-4150
    unit: 3
products:
  - id: eva-slipper
    unit: pair
    counter: { meter: counter-1, quantity: pulse_count_1, cavities: 2 }
    energy: [press-1, press-2]
sync:
  cloud: https://cloud.example.com
`

const say = (source: string, language: Language, env = {}): string[] => {
  const loaded = checkSource(source, { file: 'gateway.yaml', env })
  return (loaded.ok ? loaded.value.warnings : loaded.fault).map((issue) => issueText(issue, language))
}
const both = (source: string, env = {}): string[] => [...say(source, 'en', env), ...say(source, 'zh', env)]
const wrong = (from: string | RegExp, to: string): string => {
  const changed = GOOD.replace(from, to)
  expect(changed).not.toBe(GOOD)
  return changed
}

describe('a tariff', () => {
  const tariff =
    'tariff:\n  schedule: zhejiang-industry-tou\n  prices: { sharp: 1, peak: 1, flat: 1, valley: 1, deep_valley: 1 }\n'
  it('bills no meter by a guess', () => {
    const said = both(GOOD + tariff)
    expect(said.filter((line) => line.includes('tariff'))).toHaveLength(2)
    expect(said.join('\n')).toContain('there are several meters, and none is named to be billed. Write tariff.meter')
    expect(both(`${GOOD}${tariff}  meter: press-1\n`).join('\n')).not.toContain('billed')
  })
})

describe('a product', () => {
  it('with a main meter and its sub meters is warned of, in both languages: their energy counts twice', () => {
    const group = (main: string, sub: string) =>
      `${GOOD}groups:\n  - { id: hall, kind: main_and_sub, main: ${main}, meters: [${sub}] }\n`
    expect(both(group('press-1', 'press-2'))).toEqual([
      'gateway.yaml:31:14  products[0].energy[0] = "press-1": in group hall this is the main meter of press-2, listed here too: that energy counts twice. Keep the sub meters (remove press-1), or the main meter alone',
      'gateway.yaml:31:14  products[0].energy[0] = "press-1"：在组 hall 中这是总表，其分表 press-2 也写在这里，电量会重复计算。只留分表（删去 press-1），或只留总表',
    ])
    expect(both(group('press-1', 'press-2').replace('energy: [press-1, press-2]', 'energy: [press-2]'))).toEqual([])
  })
})

describe('two products', () => {
  const second = (counter: string, energy: string) =>
    both(
      wrong(
        'sync:',
        `  - id: clog\n    counter: { meter: counter-1, quantity: ${counter} }\n    energy: [${energy}]\nsync:`,
      ),
    ).map((line) => line.replace(/^\S+ +/, ''))

  it('on one meter or one counter are warned of, in both languages: each is given all of it', () => {
    expect(second('pulse_count_1', 'press-2')).toEqual([
      'products[1].counter.quantity = "pulse_count_1": product eva-slipper has this counter too, and each is given every count. Give each product a counter of its own; one for two is right only where each cycle makes both',
      'products[1].energy[0] = "press-2": product eva-slipper has this meter\'s energy too, and each is given all of it. Give each product meters of its own, or write one product for the meter',
      'products[1].counter.quantity = "pulse_count_1"：产品 eva-slipper 也用这个计数，两者都会得到全部计数。每个产品用自己的计数；仅当一次动作同时做出两种产品时才可共用',
      'products[1].energy[0] = "press-2"：产品 eva-slipper 也用这块表的电量，两者都会得到全部电量。每个产品用自己的电表；若只有一块表，写成一个产品',
    ])
    expect(second('pulse_count_2', '')).toEqual([])
  })
})

describe('what would fail only later', () => {
  const first = (source: string, env = {}) => both(source, env).join('\n')

  it('one port under two names', () => {
    const folder = mkdtempSync(join(tmpdir(), 'mg-ports-'))
    writeFileSync(join(folder, 'ttyUSB0'), '')
    symlinkSync(join(folder, 'ttyUSB0'), join(folder, 'by-id'))
    const two = (a: string, b: string) =>
      first(
        wrong('    port: /dev/ttyUSB0\n', `    port: ${a}\n  - id: line-2\n    port: ${b}\n`).replace(
          / {4}baud: 9600\n {4}format: 8N1\n/,
          '',
        ),
      )
    const used = 'this port is already used by lines[0]'
    expect(two(`${folder}/ttyUSB0`, `${folder}/by-id`)).toContain(used)
    expect(two('/dev/nowhere0', '/dev//nowhere0')).toContain(used)
    expect(two('modbus_tcp localhost', 'modbus_tcp 127.0.0.1:502')).toContain(used)
    expect(two('rtu_over_tcp Box.lan:4001', 'modbus_tcp box.lan:4001')).toContain(used)
    expect(two('modbus_tcp 10.0.0.1', 'modbus_tcp 10.0.0.2')).toBe('')
  })

  it('a data folder too long for a socket, and a reserve above the limit', () => {
    const long = first(`${GOOD}store: { folder: /srv/${'x'.repeat(100)} }\n`)
    expect(long).toContain('the control socket in it has 118 bytes, and the system allows 107')
    expect(long).toContain('路径太长')
    expect(first(`${GOOD}store: { folder: /srv/${'x'.repeat(89)} }\n`)).toBe('')
    expect(first(`${GOOD}store: { cap: 16MiB, ballast: 10GiB }\n`)).toContain('the reserve is not below the size limit')
  })

  it('the address every DL/T 645 meter answers to', () => {
    const address = (digits: string) =>
      first(
        wrong('profile: chint-dtsu666\n    unit: 2\n    ct: 200/5', `profile: dlt645-2007\n    address: "${digits}"`),
      )
    expect(address('999999999999')).toContain('That is the broadcast address')
    expect(address('000000999999')).not.toContain('broadcast')
  })
})

describe('a meter wrong in one field', () => {
  it('is looked at further, without complaints that only follow from that field', () => {
    const entry = '  - { id: press-1, line: line-9, profile: sdm63, unit: 0, ct: x }\n'
    const said = say(wrong('  - id: counter-1', `${entry}  - id: counter-1`), 'en')
    expect(said).toHaveLength(5)
    for (const words of [
      'press-1": already used',
      'there is no such line',
      'no such meter model',
      'unit = 0',
      'ct = "x"',
    ])
      expect(said.join('\n')).toContain(words)
    const lone = say(wrong('    baud: 9600', '    baud: 9601'), 'en')
    expect(lone).toHaveLength(1)
  })
})

describe('a suggestion', () => {
  it('is what was left out rather than what looks alike', () => {
    expect(nearest('voltage_l1', QUANTITY_NAMES, 1)).toEqual(['voltage_l1_n'])
    const [odd] = say(GOOD, 'en', { METERGATE_FOO: '1' })
    expect(odd).toContain('Known here: METERGATE_LANGUAGE')
    const [near] = say(GOOD, 'en', { METERGATE_STORE_CAPS: '1' })
    expect(near).toContain('Did you mean METERGATE_STORE_CAP?')
  })
})

describe('own limits of the energy checks', () => {
  const withChecks = (checks: string) =>
    checkSource(`${GOOD}energy:\n  checks: { ${checks} }\n`, { file: '/etc/metergate/gateway.yaml' })

  it('are read into exact amounts', () => {
    const loaded = withChecks('spike: 2.5, energy_balance: 0.03')
    expect(loaded.ok && loaded.value.config.energy.checks).toEqual({
      spike: { n: 25, exp: -1 },
      energy_balance: { n: 3, exp: -2 },
    })
  })

  it.each(['spike: -1', 'spike: high', 'speck: 2', 'zero_run: 2.5', 'load_factor: 0.5', 'tou_sum: 0'])(
    'are refused with their place: %s',
    (checks) => {
      const loaded = withChecks(checks)
      expect(loaded.ok).toBe(false)
      if (!loaded.ok) expect(loaded.fault.map((issue) => issueText(issue, 'en')).join()).toContain('energy.checks')
    },
  )
})

describe('a good configuration', () => {
  it('is read into exact values, with the defaults filled in', () => {
    const loaded = checkSource(GOOD, { file: '/etc/metergate/gateway.yaml' })
    if (!loaded.ok) throw new Error(loaded.fault.map((issue) => issueText(issue, 'en')).join('\n'))
    const { config, meterProfiles } = loaded.value
    expect(config.plant).toMatchObject({ timezone: 'Asia/Shanghai', interval: 900_000 })
    expect(config.plant.shifts.map(({ from, to }) => [from, to])).toEqual([
      [480, 1200],
      [1200, 480],
    ])
    expect(config.lines[0]).toEqual({
      id: 'line-1',
      port: { kind: 'serial', path: '/dev/ttyUSB0' },
      baud: 9600,
      format: '8N1',
    })
    expect(config.meters[1]).toMatchObject({ ct: { n: 40, exp: 0 }, poll: { power: 10_000, energy: 60_000 } })
    expect(config.store).toMatchObject({ folder: '/etc/metergate/data', cap: 2 ** 30, commit_window: 10_000 })
    expect(config.sync).toMatchObject({ cloud: 'https://cloud.example.com', every: 60_000 })
    expect([...meterProfiles.values()].map((profile) => profile.id)).toEqual([
      'eastron-sdm630',
      'chint-dtsu666',
      'advantech-adam-4150',
    ])
    expect(loaded.value.warnings).toEqual([])
  })

  it.each(['rtu_over_tcp', 'modbus_tcp'] as const)(
    'has a socket at an IPv6 address without its brackets: %s',
    (kind) => {
      const text = `${kind} [fe80::12]:4001`
      const loaded = checkSource(wrong('/dev/ttyUSB0', `"${text}"`), { file: 'gateway.yaml' })
      const port = loaded.ok && loaded.value.config.lines[0]?.port
      expect(port).toEqual({ kind, host: 'fe80::12', port: 4001 })
      expect(port && formatPort(port)).toBe(text)
      expect(checkSource(wrong('/dev/ttyUSB0', `"${kind} [fe80:::1]:4001"`), { file: 'gateway.yaml' }).ok).toBe(false)
    },
  )

  it('lets the environment override the file', () => {
    const env = { METERGATE_STORE_CAP: '64MiB', METERGATE_SYNC_DATA_PLAN: 'metered', METERGATE_CONFIG: 'x' }
    const loaded = checkSource(GOOD, { file: 'gateway.yaml', env })
    expect(loaded.ok && loaded.value.config.store.cap).toBe(64 * 2 ** 20)
    expect(loaded.ok && loaded.value.config.sync.every).toBe(900_000)
  })
})

describe('a wrong configuration gets one clear message with place, path, value and remedy', () => {
  it('unknown meter model, with near matches', () => {
    expect(both(wrong('eastron-sdm630', 'eastron-smd630'))).toMatchInlineSnapshot(`
      [
        "gateway.yaml:16:14  meters[0].profile = "eastron-smd630": there is no such meter model. Similar: eastron-sdm630, eastron-sdm230, eastron-sdm120; all of them: metergate profiles list",
        "gateway.yaml:16:14  meters[0].profile = "eastron-smd630"：没有这个电表型号。相近的型号：eastron-sdm630、eastron-sdm230、eastron-sdm120；全部见 metergate profiles list",
      ]
    `)
  })
  it('duplicate unit id on one line', () => {
    expect(both(wrong('unit: 2', 'unit: 1'))).toMatchInlineSnapshot(`
      [
        "gateway.yaml:21:11  meters[1].unit = 1: on line line-1 this unit id is already used by press-1. Write what the meter's panel shows; if both really share it, change one on the meter or use a second line",
        "gateway.yaml:21:11  meters[1].unit = 1：总线 line-1 上 press-1 已用此从站地址。改成电表面板上的地址；若两块表地址真的相同，先在表上改掉一个，或分接到两条总线",
      ]
    `)
  })
  it('bad baud', () => {
    expect(both(wrong('baud: 9600', 'baud: 9601'))).toMatchInlineSnapshot(`
      [
        "gateway.yaml:11:11  lines[0].baud = 9601: this value is not allowed. Write 300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600 or 115200, as set on the meter",
        "gateway.yaml:11:11  lines[0].baud = 9601：不是允许的值。波特率写 300、600、1200、2400、4800、9600、19200、38400、57600 或 115200（以电表面板设置为准）",
      ]
    `)
  })
  it('takes 8E1 without quotes, which YAML reads as the number 80', () => {
    const loaded = checkSource(wrong('format: 8N1', 'format: 8E1'), { file: 'gateway.yaml' })
    expect(loaded.ok && loaded.value.config.lines[0]?.format).toBe('8E1')
  })
  it('a baud the meter cannot talk at', () => {
    expect(both(wrong('baud: 9600', 'baud: 115200'))).toMatchInlineSnapshot(`
      [
        "gateway.yaml:11:11  lines[0].baud = 115200: press-1 (eastron-sdm630) cannot talk at this baud rate. Use 2400, 4800, 9600, 19200, 38400 and set the meter to the same",
        "gateway.yaml:11:11  lines[0].baud = 115200: press-2 (chint-dtsu666) cannot talk at this baud rate. Use 1200, 2400, 4800, 9600 and set the meter to the same",
        "gateway.yaml:11:11  lines[0].baud = 115200: only 9600 is documented for counter-1. Check the meter's own setting",
        "gateway.yaml:11:11  lines[0].baud = 115200：press-1（eastron-sdm630）不支持此波特率。改为 2400、4800、9600、19200、38400 之一，并在表上设成一致",
        "gateway.yaml:11:11  lines[0].baud = 115200：press-2（chint-dtsu666）不支持此波特率。改为 1200、2400、4800、9600 之一，并在表上设成一致",
        "gateway.yaml:11:11  lines[0].baud = 115200：counter-1 的型号资料只写了 9600。确认电表面板的设置",
      ]
    `)
  })
  it('wrong type', () => {
    expect(both(wrong('unit: 1', 'unit: one'))).toMatchInlineSnapshot(`
      [
        "gateway.yaml:17:11  meters[0].unit = "one": wrong type: this is text. Write the unit id set on the meter, 1 to 247",
        "gateway.yaml:17:11  meters[0].unit = "one"：类型不对：这是文字。从站地址写 1 到 247 的整数（电表面板上的地址）",
      ]
    `)
  })
  it('a whole section of the wrong type', () => {
    expect(both(wrong(/products:[\s\S]*sync:/, 'products: none\nsync:'))).toMatchInlineSnapshot(`
      [
        "gateway.yaml:27:11  products = "none": wrong type: this is text. Write a list, each entry starting with -",
        "gateway.yaml:27:11  products = "none"：类型不对：这是文字。写成列表，每项以 - 开头",
      ]
    `)
  })
  it('unknown key, with the nearest known one', () => {
    expect(both(wrong('baud: 9600', 'boud: 9600'))).toMatchInlineSnapshot(`
      [
        "gateway.yaml:11:5  lines[0].boud = 9600: there is no such key as boud. Did you mean baud?",
        "gateway.yaml:11:5  lines[0].boud = 9600：没有 boud 这一项。是否想写 baud?",
      ]
    `)
  })
  it('missing key', () => {
    expect(both(wrong('    line: line-1\n    profile: eastron', '    profile: eastron'))).toMatchInlineSnapshot(`
      [
        "gateway.yaml:14:5  meters[0].line: this is missing. Write the id of one of the lines",
        "gateway.yaml:14:5  meters[0].line：缺少此项。写 lines 中某条总线的 id",
      ]
    `)
  })
  it('missing file', () => {
    const loaded = loadConfig({ file: '/nowhere/gateway.yaml' })
    const issues = loaded.ok ? [] : loaded.fault
    expect(issues.flatMap((issue) => [issueText(issue, 'en'), issueText(issue, 'zh')])).toMatchInlineSnapshot(`
      [
        "/nowhere/gateway.yaml: the configuration file does not exist. Create it with metergate init, or name its path with --config",
        "/nowhere/gateway.yaml：找不到配置文件。用 metergate init 生成，或用 --config 指明路径",
      ]
    `)
  })
  it('broken YAML', () => {
    expect(both(wrong('baud: 9600', 'baud: [9600'))).toMatchInlineSnapshot(`
      [
        "gateway.yaml:12:5: this is not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]. Check the indentation (spaces only), the space after each colon, and quotes",
        "gateway.yaml:12:5：YAML 格式错误：Flow sequence in block collection must be sufficiently indented and end with a ]。检查缩进（只用空格）、冒号后的空格和引号",
      ]
    `)
  })
  it('energy of a meter nobody configured', () => {
    expect(both(wrong('[press-1, press-2]', '[press-1, pres-2]'))).toMatchInlineSnapshot(`
      [
        "gateway.yaml:31:23  products[0].energy[1] = "pres-2": there is no such meter. Did you mean press-2?",
        "gateway.yaml:31:23  products[0].energy[1] = "pres-2"：没有这块表。是否想写 press-2?",
      ]
    `)
  })
  it('a counter the meter does not have', () => {
    expect(both(wrong('pulse_count_1', 'pulse_count_9'))).toMatchInlineSnapshot(`
      [
        "gateway.yaml:30:44  products[0].counter.quantity = "pulse_count_9": counter-1 (advantech-adam-4150) does not measure this. Known here: pulse_count_1, pulse_count_2, pulse_count_3, pulse_count_4, pulse_count_5, pulse_count_6, pulse_count_7",
        "gateway.yaml:30:44  products[0].counter.quantity = "pulse_count_9"：counter-1（advantech-adam-4150）没有此量。可用：pulse_count_1、pulse_count_2、pulse_count_3、pulse_count_4、pulse_count_5、pulse_count_6、pulse_count_7",
      ]
    `)
  })
  it('a line nobody configured', () => {
    expect(both(wrong('line: line-1', 'line: line-2'))).toMatchInlineSnapshot(`
      [
        "gateway.yaml:15:11  meters[0].line = "line-2": there is no such line. Did you mean line-1?",
        "gateway.yaml:15:11  meters[0].line = "line-2"：没有这条总线。是否想写 line-1?",
      ]
    `)
  })
  it('plain http to somewhere else', () => {
    expect(both(wrong('https://cloud', 'http://cloud'))).toMatchInlineSnapshot(`
      [
        "gateway.yaml:33:10  sync.cloud = "http://cloud.example.com": this value is not allowed. Write an https:// address; plain http only to this very machine (127.0.0.1)",
        "gateway.yaml:33:10  sync.cloud = "http://cloud.example.com"：不是允许的值。写 https:// 开头的平台地址；明文 http 只允许本机（127.0.0.1）",
      ]
    `)
  })
  it('a length of time without its unit', () => {
    expect(both(wrong('interval: 15m', 'interval: 15'))).toMatchInlineSnapshot(`
      [
        "gateway.yaml:4:13  plant.interval = 15: wrong type: this is a number. Write 1m, 5m, 15m, 30m or 60m",
        "gateway.yaml:4:13  plant.interval = 15：类型不对：这是数字。写 1m、5m、15m、30m 或 60m",
      ]
    `)
  })
  it('shifts that overlap', () => {
    expect(both(wrong('to: "20:00"', 'to: "21:00"'))).toMatchInlineSnapshot(`
      [
        "gateway.yaml:7:22  plant.shifts[1].from = "20:00": overlaps shift A. Change its start or end",
        "gateway.yaml:7:22  plant.shifts[1].from = "20:00"：与班次 A 时间重叠。改开始或结束时刻",
      ]
    `)
  })
  it('a shift that ends inside an interval', () => {
    const checked = checkSource(GOOD.replace('to: "20:00"', 'to: "19:50"'), { file: 'gateway.yaml' })
    if (!checked.ok) throw new Error('a warning is no error')
    expect(checked.value.warnings.map(({ path, problem }) => `${path}: ${problem.en}`)).toEqual([
      'plant.shifts[0].to: lies inside an interval of 15 minutes, so this shift gets no whole figures',
    ])
  })
  it('a wrong value from the environment, naming the variable', () => {
    expect(both(GOOD, { METERGATE_STORE_CAP: 'big' })).toMatchInlineSnapshot(`
      [
        "METERGATE_STORE_CAP  store.cap = "big": this value is not allowed. Write a size, e.g. 512MiB or 1GiB; at least 16MiB",
        "METERGATE_STORE_CAP  store.cap = "big"：不是允许的值。写容量，例如 512MiB 或 1GiB；至少 16MiB",
      ]
    `)
  })
})

describe('what is only doubtful is a warning', () => {
  it('a ratio on a meter that already gives primary values', () => {
    expect(both(wrong('unit: 1', 'unit: 1\n    ct: 200/5'))).toMatchInlineSnapshot(`
      [
        "gateway.yaml:18:9  meters[0].ct = "200/5": eastron-sdm630 already gives primary values; this ratio would multiply them again, so it is ignored. Remove ct",
        "gateway.yaml:18:9  meters[0].ct = "200/5"：eastron-sdm630 已给出一次侧数值，再乘变比会多算，故忽略。删去 ct",
      ]
    `)
  })
  it('secondary values without a CT, also of a model that knows its own', () => {
    expect(both(wrong(/ {4}ct: 200\/5\n/, ''))).toMatchInlineSnapshot(`
      [
        "gateway.yaml:18:5  meters[1]: chint-dtsu666 gives secondary values; without ct they are taken as they are, whatever ratio is set in the meter. Write e.g. ct: "200/5"; ct: 1 when connected directly",
        "gateway.yaml:18:5  meters[1]：chint-dtsu666 给出二次侧数值，未写 ct 按 1 计算；表内设置的变比不参与计算。写 ct: "200/5" 这样的变比；直接接入写 ct: 1",
      ]
    `)
    expect(both(wrong('ct: 200/5', 'pt: 10000/100'))).toHaveLength(2)
    expect(both(wrong('ct: 200/5', 'ct: 1'))).toEqual([])
  })
  it('a METERGATE_ variable nobody reads', () => {
    expect(both(GOOD, { METERGATE_STORE_CAPP: '1GiB' })).toMatchInlineSnapshot(`
      [
        "METERGATE_STORE_CAPP  METERGATE_STORE_CAPP = "1GiB": there is no such setting as METERGATE_STORE_CAPP. Did you mean METERGATE_STORE_CAP?",
        "METERGATE_STORE_CAPP  METERGATE_STORE_CAPP = "1GiB"：没有 METERGATE_STORE_CAPP 这个环境变量。是否想写 METERGATE_STORE_CAP?",
      ]
    `)
  })
})

describe('several errors', () => {
  it('all show at once, in the order of the file, and none hides a reference to a wrong entry', () => {
    const source = wrong('interval: 15m', 'interval: 7m')
      .replace('baud: 9600', 'baud: fast')
      .replace('unit: 3', 'unit: 300')
      .replace('cavities: 2', 'cavities: 2, colour: red')
    expect(say(source, 'en').map((line) => line.split('  ')[1]?.split(' = ')[0])).toEqual([
      'plant.interval',
      'lines[0].baud',
      'meters[2].unit',
      'products[0].counter.colour',
    ])
  })
})

describe("the technician's own models", () => {
  it('are read from the folder beside the file, and a broken one is named', () => {
    const folder = mkdtempSync(join(tmpdir(), 'metergate-config-'))
    writeFileSync(join(folder, 'mine.yaml'), 'id: mine\nprotocol: modbus\n')
    writeFileSync(join(folder, 'gateway.yaml'), `${GOOD}profiles: .\n`)
    const loaded = loadConfig({ file: join(folder, 'gateway.yaml') })
    const own = (loaded.ok ? [] : loaded.fault).filter((issue) => issueText(issue, 'en').includes('mine.yaml'))
    expect(own).toHaveLength(1)
  })

  it('are checked against themselves in both languages, with the line', () => {
    const folder = mkdtempSync(join(tmpdir(), 'metergate-config-'))
    const items = ['voltage_l1_n', 'current_l1'].map(
      (quantity, at) => `  - { quantity: ${quantity}, address: ${at}, type: u32, scale: "0.1" }`,
    )
    const head = `id: mine\nmanufacturer: M\nmodels: [M1]\ntitle: { zh: 表, en: meter }\nserial: { baud: 9600, format: 8N1 }\n`
    const map = `sources: [manual]\nprotocol: modbus\nread_function: 3\nmax_registers: 20\nitems:\n${items.join('\n')}\n`
    writeFileSync(join(folder, 'mine.yaml'), `${head}${map}`)
    writeFileSync(join(folder, 'gateway.yaml'), `${GOOD}profiles: .\n`)
    const loaded = loadConfig({ file: join(folder, 'gateway.yaml') })
    const [own] = (loaded.ok ? [] : loaded.fault).filter((issue) => issueText(issue, 'en').includes('mine.yaml'))
    expect(own && issueText(own, 'zh')).toContain(
      'mine.yaml:12:38  items[1].address = 1：与 items[0] 重叠，后者到 1 为止。检查两项的 address 和 type',
    )
  })
})
