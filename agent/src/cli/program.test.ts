import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  bootIdSchema,
  epochMs,
  fail,
  meterIdSchema,
  monoMs,
  ok,
  productIdSchema,
  type Result,
  seqSchema,
  streamIdSchema,
} from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { checkSource } from '../config/load.js'
import type { ControlHandlers, ProductionEntry } from '../control/calls.js'
import { ControlServer } from '../control/server.js'
import { VirtualClock } from '../testing/virtual-clock.js'
import type { CliDeps, CliIo, EnrolCommandFault, Enrolled } from './ports.js'
import { Stopped } from './process-io.js'
import { runCli } from './program.js'

const nobody = async () => fail({ kind: 'failed', why: 'not in this test' } as const)
const STREAM = streamIdSchema.parse('0123456789abcdef0123456789abcdef')
const stamp = {
  boot: bootIdSchema.parse('boot-1'),
  mono: monoMs(1000),
  wall: epochMs(Date.UTC(2026, 10, 23, 4)),
  quality: 'S',
} as const
const REPAIRED = { kind: 'event', stamp, code: 'store_repaired', facts: { lost: 0 } } as const
const readingAt = (seq: number) => ({
  seq: seqSchema.parse(seq),
  record: {
    kind: 'reading' as const,
    stamp,
    meter: meterIdSchema.parse('press-1'),
    group: 'all',
    blocks: [0],
    values: [{ quantity: 'frequency' as const, block: 0, value: { n: 5000 + seq, exp: -2 } }],
  },
})

const handlers: ControlHandlers = {
  status: nobody,
  clock: nobody,
  clock_confirm: nobody,
  read: async ({ meter }) =>
    ok({
      meter,
      label: '注塑机 1',
      profile: 'eastron-sdm630',
      line: 'line-1',
      unit: '1',
      at: epochMs(Date.UTC(2026, 10, 23, 4, 0, 1)),
      clock: 'S',
      duration_ms: 61.4,
      values: [
        { quantity: 'voltage_l1_n', value: { n: 2305, exp: -1 }, where: '4:0x0000', raw: '43668000' },
        { quantity: 'energy_active_import_total', value: { n: 120437, exp: -2 }, suspect: true },
        { quantity: 'frequency', absent: 'timeout' },
      ],
    }),
  energy: async ({ start, end }) =>
    ok({
      start,
      end,
      zone: 'Asia/Shanghai',
      meters: [],
      groups: [],
      products: [],
      tariff: null,
      checks: [],
      events: [],
      steps_of: null,
      steps: [],
    }),
  production_add: async ({ entries }) =>
    ok(
      entries.map((entry, index) => ({ ...entry, entry: `entry:${index}`, revision: 0, source: 'declared' as const })),
    ),
  production_list: async () => ok([]),
  production_correct: nobody,
  meter_exchange: async ({ meter, at, old_end, new_start }) =>
    ok({
      meter,
      facts: {
        at,
        old_end: JSON.stringify(old_end ?? null),
        new_start: JSON.stringify(new_start ?? null),
        unmetered_s: 0,
      },
    }),
  verify: async () => ok({ batches: 3, rows: 20, findings: [], gaps: [], events: [] }),
  history: async ({ stream, begin }) => {
    const next = { stream: STREAM, seq: 1 }
    if (stream === 'ledger') return ok({ records: [{ seq: seqSchema.parse(1), record: REPAIRED }] })
    return begin ? ok({ records: [readingAt(2)] }) : ok({ records: [readingAt(1)], next })
  },
}

const noLines: CliDeps['lines'] = {
  clock: new VirtualClock(),
  listPorts: async () => [],
  line: () => undefined,
  modbusTcp: () => {
    throw new Error('not in this test')
  },
}

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** One box: a folder with its configuration, and commands run in it. */
class Box {
  readonly folder = mkdtempSync(join(tmpdir(), 'mg-cli-'))
  readonly file = join(this.folder, 'metergate.yaml')
  // Noon of 23 November 2026 in Shanghai.
  readonly clock = new VirtualClock({ wall: Date.UTC(2026, 10, 23, 4) })
  /** What enrolment brings; success when left out. */
  enrolment: Result<Enrolled, EnrolCommandFault> | undefined

  async run(
    args: readonly string[],
    answers?: readonly string[],
    env: Record<string, string> = {},
    local = handlers,
  ): Promise<Ran> {
    const out: string[] = []
    const err: string[] = []
    const queue = [...(answers ?? [])]
    const io: CliIo = {
      out: { write: (text) => void out.push(text), isTerminal: false },
      err: { write: (text) => void err.push(text), isTerminal: false },
      env: { LANG: 'C', ...env },
      ask: answers ? async () => queue.shift() ?? '' : undefined,
      signal: new AbortController().signal,
    }
    const deps: CliDeps = {
      clock: this.clock,
      version: '0.0.0',
      lines: noLines,
      run: async () => 0,
      local: () => ({ handlers: local, close: async () => undefined }),
      enrol: async ({ cloud, name }) => this.enrolment ?? ok({ gateway: 'gw-12345678', name: `${name} @ ${cloud}` }),
    }
    const code = await runCli(['--config', this.file, ...args], io, deps)
    return { code, out: this.#plain(out), err: this.#plain(err) }
  }

  #plain(written: readonly string[]): string {
    return written.join('').replaceAll(this.folder, '<box>')
  }

  async initialised(): Promise<this> {
    const ran = await this.run([
      ...[
        'init',
        '--yes',
        '--plant',
        '瑞安鞋厂',
        '--meter',
        'press-1:sdm630:1',
        '--meter',
        'press-2:chint-dtsu666:2:200/5',
      ],
      ...['--meter', 'counter-1:adam-4150:3', '--product', 'eva:counter-1:pair:2:press-1+press-2'],
    ])
    expect(ran).toMatchObject({ code: 0, err: '' })
    return this
  }
}

/** The product of an initialised box has a counter. */
const COUNTED_TOO =
  'product eva is counted by counter-1 pulse_count_1; what is entered is added to the count, and energy per product gets smaller by it\n'

describe('metergate init', () => {
  it('writes a commented configuration that passes the check, in both languages', async () => {
    for (const lang of ['zh', 'en']) {
      const box = new Box()
      await box.run(['--lang', lang, 'init', '--yes'])
      const text = readFileSync(box.file, 'utf8')
      expect(text).toContain(lang === 'zh' ? '从站地址' : 'unit id as set on the meter')
      expect(checkSource(text, { file: box.file }).ok).toBe(true)
      expect(await box.run(['config', 'check'])).toMatchObject({ code: 0, err: '' })
    }
  })

  it('asks, takes the default on Enter, and asks again for a model nobody knows', async () => {
    const box = new Box()
    const ran = await box.run(
      ['init'],
      [
        '瑞安鞋厂',
        '',
        'press-1',
        'sdm-nothing',
        'SDM630',
        '7',
        'counter-1',
        'adam-4150',
        '3',
        '',
        '',
        '',
        'eva',
        '',
        '',
        '2',
        '',
      ],
    )
    expect(ran.code).toBe(0)
    const checked = checkSource(readFileSync(box.file, 'utf8'), { file: box.file })
    expect(checked.ok && checked.value.config).toMatchObject({
      plant: { name: '瑞安鞋厂' },
      meters: [
        { id: 'press-1', profile: 'eastron-sdm630', unit: 7 },
        { id: 'counter-1', unit: 3 },
      ],
      products: [{ id: 'eva', unit: 'pair', counter: { meter: 'counter-1' }, energy: ['press-1'] }],
    })
  })

  it('never overwrites a file without being told to', async () => {
    const box = new Box()
    writeFileSync(box.file, 'mine')
    expect((await box.run(['init', '--yes'])).code).toBe(1)
    expect((await box.run(['init'], ['n'])).code).toBe(1)
    expect(readFileSync(box.file, 'utf8')).toBe('mine')
    expect((await box.run(['init', '--yes', '--force'])).code).toBe(0)
  })

  it('asks again at once for an answer that will not do, and names models like the one it does not know', async () => {
    const box = new Box()
    const meters = [
      'main',
      'sdm630',
      '1',
      'main',
      'press-1',
      'sdm360',
      'sdm630',
      '1',
      '2',
      'counter-1',
      'adam-4150',
      '3',
    ]
    const product = ['eva', 'piece', '', '1', 'main+press-1+press-9', '', 'press-1']
    const cloud = ['http://cloud.example.com', 'https://cloud.example.com']
    const ran = await box.run(['init'], ['hall', 'ttyUSB0', '', ...meters, '', '', '', ...product, ...cloud])
    expect(ran.err.trim().split('\n')).toEqual([
      expect.stringContaining('write a serial port'),
      'there is a meter main already: give this one another id',
      expect.stringMatching(/^there is no model "sdm360": similar are .*eastron-sdm630/),
      expect.stringContaining('1 is the address of main'),
      'there is no meter "press-9": known are main, press-1',
      'there is no meter "": known are main, press-1',
      expect.stringContaining('plain http only'),
    ])
    expect(ran).toMatchObject({ code: 0, out: expect.stringContaining('metergate enrol CODE') })
    const checked = checkSource(readFileSync(box.file, 'utf8'), { file: box.file })
    expect(checked.ok && checked.value.config.products).toMatchObject([{ unit: 'piece', energy: ['press-1'] }])
  })

  it('never guesses which of several meters make a product', async () => {
    const meters = ['--meter', 'main:sdm630:1', '--meter', 'press-1:sdm630:2', '--meter', 'counter-1:adam-4150:3']
    const init = ['init', '--yes', ...meters, '--product']
    const box = new Box()
    expect(await box.run([...init, 'eva:counter-1:pair:2'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('whose energy makes eva (main, press-1;'),
    })
    expect(existsSync(box.file)).toBe(false)
    expect(await box.run([...init, 'eva:counter-1:pair:press-1'])).toMatchObject({ code: 0 })
    expect(readFileSync(box.file, 'utf8')).toContain('energy: [press-1]  #')
  })

  it('where nothing may be written names the file and a remedy', async () => {
    const box = new Box()
    mkdirSync(box.file)
    const ran = await box.run(['init', '--yes', '--force'])
    expect(ran.code).toBe(1)
    expect(ran.err).toMatch(/metergate.yaml cannot be written \(E[A-Z]+\): .*--config FILE/)
  })

  it('writes nothing when the answers would make a wrong configuration', async () => {
    const box = new Box()
    const ran = await box.run(['init', '--yes', '--meter', 'a:sdm630:1', '--meter', 'b:sdm630:1'])
    expect(ran.code).toBe(2)
    expect(ran.err).toContain('already used by a')
    expect(existsSync(box.file)).toBe(false)
  })
})

describe('a wrong configuration', () => {
  it('ends every command with 2 and one line per mistake, without a stack trace', async () => {
    const box = await new Box().initialised()
    writeFileSync(box.file, readFileSync(box.file, 'utf8').replace('unit: 2 ', 'unit: 1 '))
    for (const command of [['run'], ['config', 'check'], ['read', 'press-1'], ['status'], ['energy']]) {
      const ran = await box.run(['--lang', 'zh', ...command])
      expect(ran).toMatchInlineSnapshot(`
        {
          "code": 2,
          "err": "<box>/metergate.yaml:28:11  meters[1].unit = 1：总线 line-1 上 press-1 已用此从站地址。改成电表面板上的地址；若两块表地址真的相同，先在表上改掉一个，或分接到两条总线
        ",
          "out": "",
        }
      `)
    }
  })
  it('that is not there is said so', async () => {
    expect(await new Box().run(['status'])).toMatchInlineSnapshot(`
      {
        "code": 2,
        "err": "<box>/metergate.yaml: the configuration file does not exist. Create it with metergate init, or name its path with --config
      ",
        "out": "",
      }
    `)
  })
})

describe('profiles', () => {
  const PROFILE = {
    id: 'eastron-sdm630',
    manufacturer: 'Acme',
    models: ['X1'],
    title: { zh: '表', en: 'meter' },
    protocol: 'modbus',
    serial: { baud: 9600, format: '8N1' },
    read_function: 3,
    sources: ['manual'],
    items: [{ quantity: 'frequency', address: 1, type: 'u16', scale: '0.01' }],
  }

  it('check says that a file takes the place of a shipped model, and when no folder will read it', async () => {
    const box = new Box()
    const file = join(box.folder, 'mine.yaml.txt')
    writeFileSync(file, JSON.stringify(PROFILE))
    const { code, out } = await box.run(['--lang', 'en', 'profiles', 'check', file])
    expect({ code, out: out.trim().split('\n') }).toEqual({
      code: 0,
      out: [
        'eastron-sdm630 is right, 1 quantity',
        'in the folder of models it takes the place of the shipped eastron-sdm630',
        'a folder of models reads files ending in .yaml, .yml or .json only: rename mine.yaml.txt',
      ],
    })
  })

  it('check says that addresses look like the numbers of a manual', async () => {
    const box = new Box()
    const check = async (...addresses: readonly number[]) => {
      const quantities = ['frequency', 'voltage_l1_n']
      const items = addresses.map((address, i) => ({ ...PROFILE.items[0], quantity: quantities[i], address }))
      const file = join(box.folder, 'mine.yaml')
      writeFileSync(file, JSON.stringify({ ...PROFILE, id: 'mine', items }))
      return (await box.run(['--lang', 'en', 'profiles', 'check', file])).out.trim().split('\n')
    }
    expect(await check(40_098, 40_099)).toEqual([
      'mine is right, 2 quantities',
      "its addresses look like a manual's numbers (4xxxx, 3xxxx): on the wire they are less by 40001 or 30001. Compare a value by `metergate read`",
    ])
    expect(await check(97, 40_099)).toEqual(['mine is right, 2 quantities'])
    expect(await check(30_098)).toEqual(['mine is right, 1 quantity'])
  })

  it('show marks the values that rest on thin facts', async () => {
    const { out } = await new Box().run(['--lang', 'zh', 'profiles', 'show', 'acrel-adl400'])
    expect(out.split('\n').find((line) => line.startsWith('frequency'))).toContain('未经核实')
  })
})

describe('bad usage', () => {
  it('ends with 2 and says what to do', async () => {
    const box = await new Box().initialised()
    for (const args of [
      ['raed'],
      ['read'],
      ['read', 'press-9'],
      ['--lang', 'fr', 'status'],
      ['energy', '--today', '--month'],
      ['energy', '--date', '2026-02-30'],
      ['production', 'add', '-5', '--shift', 'A'],
      ['energy', '--shift', 'Z'],
      ['energy', '--shift', 'A', '--month', '2025-01'],
      ['energy', '--shift', 'A', '--week'],
      ['energy', '--json', '--csv'],
      ['export', '--date', '2026-11-01', '--from', '2026-10-01'],
      ['production', 'list', '--date', '2026-11-01', '--to', '2026-11-02'],
      ['export', '--what', 'constructor'],
      ['production', 'import', 'nofile.csv'],
      ['production', 'import', box.folder],
    ]) {
      const ran = await box.run(args)
      expect({ args, code: ran.code, lines: ran.err.trim().split('\n').length }).toEqual({ args, code: 2, lines: 1 })
    }
  })
})

describe('what the parser finds wrong', () => {
  it('is said in the language of the reader, with a remedy where there is one', async () => {
    const box = await new Box().initialised()
    for (const [args, zh] of [
      [['frobnicate'], '没有命令 "frobnicate"'],
      [['raed'], '没有命令 "raed"，是否想写 read？'],
      [['read', '--rwa'], '没有选项 --rwa，是否想写 --raw？'],
      [['read'], '缺少 <meter>'],
      [['energy', '--date'], '选项 --date <date> 缺少取值'],
      [['production', 'correct', 'e'], '必须写 --reason <text>'],
      [['read', 'a', 'b'], 'read 多写了内容：需要 1 个参数，写了 2 个；带空格的内容请加引号'],
    ] as const) {
      const ran = await box.run(['--lang', 'zh', ...args])
      expect(ran).toEqual({ code: 2, out: '', err: `用法错误：${zh}。见 metergate --help\n` })
      expect((await box.run([...args])).err).not.toMatch(/[一-龥]/)
    }
  })

  it('and so is what the gateway refuses', async () => {
    const box = await new Box().initialised()
    for (const kind of [
      'unknown_meter',
      'unknown_product',
      'unknown_entry',
      'bad_request',
      'line',
      'store',
      'failed',
    ] as const) {
      const local: ControlHandlers = { ...handlers, production_list: async () => fail({ kind, why: 'FACT' }) }
      const ran = await box.run(['--lang', 'zh', 'production', 'list'], undefined, {}, local)
      expect(ran).toMatchObject({ code: 1, err: expect.stringMatching(/[一-龥].*FACT/) })
    }
  })
})

describe('a file that cannot be imported', () => {
  it('is named in the language of the reader, not in the words of the system', async () => {
    const box = await new Box().initialised()
    const said = async (file: string, lang: string) =>
      (await box.run(['production', 'import', file, '--lang', lang])).err.trim()
    expect(await said('nofile.csv', 'en')).toBe('there is no file nofile.csv: check the path')
    expect(await said('nofile.csv', 'zh')).toBe('找不到文件 nofile.csv：检查路径')
    expect(await said(box.folder, 'en')).toBe('<box> is a folder: name a file in it')
  })
})

describe('metergate config check', () => {
  it('marks a warning by a word, because a pipe has no colour', async () => {
    const box = await new Box().initialised()
    const env = { METERGATE_ODD: '1' }
    expect((await box.run(['config', 'check'], undefined, env)).err).toMatch(/^warning: METERGATE_ODD/)
    expect((await box.run(['config', 'check', '--lang', 'zh'], undefined, env)).err).toMatch(/^提醒：METERGATE_ODD/)
  })

  it('shows what it understood', async () => {
    const box = await new Box().initialised()
    expect((await box.run(['config', 'check', '--lang', 'zh'])).out).toMatchInlineSnapshot(`
      "工厂        瑞安鞋厂
      时区        Asia/Shanghai
      统计间隔    15m
      数据文件夹  <box>/data
      容量上限    1 GiB
      平台        不上传

      总线    端口          波特率  格式  电表数
      line-1  /dev/ttyUSB0  9600    8N1   3

      电表       名称  总线    型号                 地址  倍率  采集周期
      press-1          line-1  eastron-sdm630       1     1     10s / 1m
      press-2          line-1  chint-dtsu666        2     40    10s / 1m
      counter-1        line-1  advantech-adam-4150  3     1     10s / 1m

      产品  名称  单位  计数                     每脉冲  用电来自
      eva         pair  counter-1 pulse_count_1  2       press-1, press-2

      <box>/metergate.yaml 正确
      "
    `)
  })
})

describe('metergate read', () => {
  it('reads the line itself when no daemon runs, and says so', async () => {
    const box = await new Box().initialised()
    const ran = await box.run(['read', 'press-1', '--raw'], undefined, { LANG: 'zh_CN.UTF-8' })
    expect(ran).toMatchInlineSnapshot(`
      {
        "code": 0,
        "err": "采集程序未运行，直接读取总线
      ",
        "out": "注塑机 1  eastron-sdm630  line-1/1  2026-11-23 12:00:01  61 ms
      量                      数值  单位  寄存器    原始值
      A相电压                230.5  V     4:0x0000  43668000
      正向有功电能  1204.37 (存疑)  kWh
      频率                  无应答
      ",
      }
    `)
  })
  it('asks the daemon when there is one', async () => {
    const box = await new Box().initialised()
    const stop = new AbortController()
    // No folder yet: the daemon makes it; here the test does.
    await import('node:fs/promises').then(({ mkdir }) => mkdir(join(box.folder, 'data')))
    await new ControlServer(join(box.folder, 'data', 'control.sock'), {
      ...handlers,
      read: async () => fail({ kind: 'line', why: 'line-1 is down' }),
    }).start(stop.signal)
    expect(await box.run(['read', 'press-1'])).toEqual({
      code: 1,
      out: '',
      err: expect.stringContaining('line-1 is down'),
    })
    stop.abort()
  })
  it("says a meter's exception in Chinese too", async () => {
    const box = await new Box().initialised()
    const local: ControlHandlers = {
      ...handlers,
      read: async (request, signal) => {
        const read = await handlers.read(request, signal)
        const refused = { quantity: 'frequency', absent: 'exception' } as const
        return read.ok ? ok({ ...read.value, values: [refused], why: 'exception 11' }) : read
      },
    }
    const { err } = await box.run(['read', 'press-1', '--lang', 'zh'], undefined, {}, local)
    expect(err).toContain('电表拒绝（异常码 11）')
  })
  it('says in one line what to look at when the meter gives nothing', async () => {
    const box = await new Box().initialised()
    const silent = { quantity: 'frequency', absent: 'timeout' } as const
    const local: ControlHandlers = {
      ...handlers,
      read: async (request, signal) => {
        const read = await handlers.read(request, signal)
        return read.ok ? ok({ ...read.value, values: [silent] }) : read
      },
    }
    expect(await box.run(['read', 'press-1'], undefined, {}, local)).toEqual({
      code: 1,
      out: '',
      err: "the gateway is not running: reading the line directly\npress-1 (line-1/1): no answer; check the meter's power, the A/B wires, the unit id, baud rate and parity\n",
    })
  })
  it('prints exact amounts as JSON', async () => {
    const box = await new Box().initialised()
    const { out } = await box.run(['read', 'press-1', '--json'])
    expect(JSON.parse(out).values[0].value).toEqual({ n: 2305, exp: -1 })
  })
})

describe('a command broken off', () => {
  it('by Ctrl-C or SIGTERM ends with what a shell expects and without a stack trace', async () => {
    const box = await new Box().initialised()
    for (const [name, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const) {
      const local: ControlHandlers = { ...handlers, read: () => Promise.reject(new Stopped(name)) }
      const ran = await box.run(['read', 'press-1'], undefined, {}, local)
      expect(ran).toEqual({ code, out: '', err: 'the gateway is not running: reading the line directly\n' })
    }
  })
})

describe('metergate energy', () => {
  it("asks for the plant's own day, week and month, and no further than what is over", async () => {
    const box = await new Box().initialised()
    const shifts = '\n  shifts: [{ id: A, from: "08:00", to: "20:00" }]'
    writeFileSync(box.file, readFileSync(box.file, 'utf8').replace(/\n {2}timezone:/, `${shifts}$&`))
    const span = async (...args: string[]): Promise<string[]> => {
      const { out } = await box.run(['energy', '--json', ...args])
      const { start, end } = JSON.parse(out)
      return [start, end].map((at: number) => new Date(at).toISOString().slice(0, 16))
    }
    expect(await span()).toEqual(['2026-11-22T16:00', '2026-11-23T04:00'])
    expect(await span('--date', '2026-11-01')).toEqual(['2026-10-31T16:00', '2026-11-01T16:00'])
    expect(await span('--week', '2026-11-26')).toEqual(['2026-11-22T16:00', '2026-11-23T04:00'])
    expect(await span('--week', '2026-11-21')).toEqual(['2026-11-15T16:00', '2026-11-22T16:00'])
    expect(await span('--month')).toEqual(['2026-10-31T16:00', '2026-11-23T04:00'])
    expect(await span('--month', '2026-10')).toEqual(['2026-09-30T16:00', '2026-10-31T16:00'])
    const shift = ['2026-10-01T00:00', '2026-10-01T12:00']
    expect(await span('--shift', 'A', '--date', '2026-10-01')).toEqual(shift)
    expect(await span('--shift', 'A', '--day', '2026-10-01')).toEqual(shift)
  })
})

describe('metergate production', () => {
  it('imports all rows of a CSV or none, and keeps nothing in a dry run', async () => {
    const box = await new Box().initialised()
    const csv = join(box.folder, 'made.csv')
    writeFileSync(
      csv,
      'product,count,from,to,note\neva,1200,2026-11-22 08:00,2026-11-22 20:00,"day, full"\neva,10,08:00,09:30,\n',
    )
    expect(await box.run(['production', 'import', csv, '--dry-run'])).toMatchInlineSnapshot(`
      {
        "code": 0,
        "err": "",
        "out": "Line  Product  From              To                Count      Shift  Remark
      2     eva      2026-11-22 08:00  2026-11-22 20:00  1200 pair
      3     eva      2026-11-23 08:00  2026-11-23 09:30  10 pair
      sum of eva: 1210 pair
      2 entries would be kept; nothing was (--dry-run)
      ",
      }
    `)
    expect(await box.run(['production', 'import', csv])).toMatchObject({ code: 0, out: '2 entries kept\n' })
    writeFileSync(
      csv,
      'product,count,from,to\n\neva,1200,2026-11-22 08:00,2026-11-22 20:00\nboot,1,08:00,09:00\neva,x,08:00,09:00\n',
    )
    expect(await box.run(['production', 'import', csv])).toMatchInlineSnapshot(`
      {
        "code": 2,
        "err": "line 4: there is no product "boot": known are eva
      line 5: "x" is no count: write a number of 0 or more, e.g. 1200
      2 rows are wrong; nothing was kept
      ",
        "out": "",
      }
    `)
  })

  it('leaves out what is already kept: a file imported twice makes nothing twice', async () => {
    const box = await new Box().initialised()
    const file = join(box.folder, 'made.csv')
    const kept: ProductionEntry[] = []
    const local: ControlHandlers = {
      ...handlers,
      production_list: async () => ok(kept),
      production_add: async ({ entries }) => {
        const added = entries.map((one, index) => ({
          ...one,
          entry: `e${kept.length + index}`,
          revision: 0,
          source: 'declared' as const,
        }))
        kept.push(...added)
        return ok(added)
      },
    }
    const run = (...args: string[]) => box.run(['production', 'import', file, ...args], undefined, {}, local)
    writeFileSync(file, '数量,班次\n')
    expect(await run()).toMatchObject({
      code: 2,
      err: expect.stringContaining('the first row names a column "数量"; known are product,count'),
    })
    writeFileSync(
      file,
      'count,from,to,shift\n1200,2026-11-22 08:00,2026-11-22 20:00,A\n300,2026-11-22 10:00,2026-11-22 11:00,A\n',
    )
    expect(await run()).toMatchObject({ code: 0, out: '2 entries kept\n', err: COUNTED_TOO })
    writeFileSync(
      file,
      'count,from,to,shift\n1200,2026-11-22 08:00,2026-11-22 20:00,A\n50,2026-11-22 12:00,2026-11-22 13:00,B\n',
    )
    const plan = JSON.parse((await run('--dry-run', '--json')).out)
    expect(plan).toMatchObject({
      dry_run: true,
      rows: [
        { line: 2, already: 'e0', overlaps: ['e1', '#3'] },
        { line: 3, already: null, overlaps: ['#2'] },
      ],
      totals: [{ product: 'eva', shift: 'B', count: { n: 50, exp: 0 }, unit: 'pair' }],
    })
    const again = await run()
    expect(again).toMatchObject({
      code: 0,
      out: '1 entry kept\n',
      err: expect.stringContaining('line 2 is already kept as e0'),
    })
    expect(kept.map(({ count }) => count?.n)).toEqual([1200, 300, 50])
  })

  it('takes the only product and the plant time for granted', async () => {
    const box = await new Box().initialised()
    const { out } = await box.run([
      'production',
      'add',
      '1200',
      '--from',
      '2026-11-22 20:00',
      '--to',
      '2026-11-23 08:00',
      '--json',
    ])
    expect(JSON.parse(out)).toMatchObject([
      { product: 'eva', unit: 'pair', count: { n: 1200, exp: 0 }, start: Date.UTC(2026, 10, 22, 12) },
    ])
  })
})

describe('metergate production add', () => {
  const add = ['production', 'add', '1200', '--from', '2026-11-22 20:00', '--to']

  it('refuses what has not been made yet, and says what time it is', async () => {
    const box = await new Box().initialised()
    expect(await box.run([...add, '2026-11-23 12:01'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('2026-11-23 12:01 is after now, 2026-11-23 12:00'),
    })
    expect(await box.run([...add, '2026-11-23 12:00'])).toMatchObject({ code: 0 })
  })

  it('says that the product is counted anyway: what is entered makes energy per product smaller', async () => {
    const box = await new Box().initialised()
    expect(await box.run([...add, '2026-11-23 08:00'])).toMatchObject({ code: 0, err: COUNTED_TOO })
  })

  it('names the entry it overlaps; one withdrawn, of another product, or just before it is no overlap', async () => {
    const box = await new Box().initialised()
    const at = (hour: number) => epochMs(Date.UTC(2026, 10, 22, hour))
    const entry = { unit: 'pair', revision: 0, source: 'declared', product: productIdSchema.parse('eva') } as const
    const count = { n: 1, exp: 0 }
    const local: ControlHandlers = {
      ...handlers,
      production_list: async () =>
        ok([
          { ...entry, entry: 'same', count, start: at(12), end: at(24) },
          { ...entry, entry: 'withdrawn', count: null, start: at(12), end: at(24) },
          { ...entry, entry: 'other', count, start: at(12), end: at(24), product: productIdSchema.parse('boot') },
          { ...entry, entry: 'before', count, start: at(2), end: at(12) },
        ]),
    }
    const ran = await box.run([...add, '2026-11-23 08:00'], undefined, {}, local)
    expect(ran).toMatchObject({ code: 0, out: expect.stringContaining('1 entry kept') })
    expect(ran.err.replace(COUNTED_TOO, '').trim().split('\n')).toEqual([
      expect.stringContaining('overlaps the entry same (2026-11-22 20:00'),
    ])
  })
})

describe('metergate enrol', () => {
  const CODE = 'AAAAA-BBBBB-CCCCC'
  const CLOUD = 'https://cloud.example.com'

  it('refuses plain http to another machine', async () => {
    const box = await new Box().initialised()
    expect(await box.run(['enrol', CODE, '--cloud', 'http://cloud.example.com'])).toMatchObject({ code: 2 })
    expect((await box.run(['enrol', CODE, '--cloud', CLOUD])).out).toBe(
      'enrolled as gw-12345678 (瑞安鞋厂 @ https://cloud.example.com)\nnext: metergate run\n',
    )
  })

  it('says that a running gateway must be restarted before it uploads', async () => {
    const box = await new Box().initialised()
    const stop = new AbortController()
    mkdirSync(join(box.folder, 'data'))
    await new ControlServer(join(box.folder, 'data', 'control.sock'), handlers).start(stop.signal)
    expect((await box.run(['enrol', CODE, '--cloud', CLOUD])).out).toContain('restart metergate run')
    stop.abort()
  })

  it('says each failure in both languages, with code or cloud and what to do, never in the words of a program', async () => {
    const box = await new Box().initialised()
    const refused = (code: string) => ({ kind: 'refused', code, why: 'Too small: expected string' }) as const
    const cases: [EnrolCommandFault, string][] = [
      [refused('enrolment_code_unknown'), CODE],
      [refused('enrolment_code_used'), CODE],
      [refused('enrolment_code_expired'), CODE],
      [{ kind: 'unreachable', why: 'connect ECONNREFUSED 127.0.0.1:9' }, CLOUD],
      [{ kind: 'folder', folder: '/srv/data', why: 'EACCES' }, '/srv/data'],
    ]
    for (const [fault, named] of cases) {
      box.enrolment = fail(fault)
      const en = await box.run(['enrol', CODE, '--cloud', CLOUD])
      const zh = await box.run(['--lang', 'zh', 'enrol', CODE, '--cloud', CLOUD])
      expect(en).toMatchObject({ code: 1, out: '', err: expect.stringContaining(named) })
      expect(en.err).not.toContain('Too small')
      expect(zh.err).toContain(named)
      expect(zh.err).toMatch(/[：；].*(生成|执行)/)
    }
    expect(await box.run(['enrol', 'ABC', '--cloud', CLOUD])).toMatchObject({
      code: 2,
      err: expect.stringContaining('"ABC" is no enrolment code'),
    })
  })

  it('does not spend a code on a cloud the configuration does not name', async () => {
    const box = await new Box().initialised()
    writeFileSync(box.file, readFileSync(box.file, 'utf8').replace('  # cloud:', '  cloud:'))
    expect(await box.run(['enrol', CODE, '--cloud', 'https://other.example.com'])).toMatchObject({ code: 2, out: '' })
    expect(await box.run(['enrol', CODE, '--cloud', CLOUD])).toMatchObject({ code: 0 })
  })

  it('with another cloud than the one configured stops run and check with the place and a remedy', async () => {
    const box = await new Box().initialised()
    mkdirSync(join(box.folder, 'data'))
    const identity = { gateway: 'gw-0123456789abcdef', name: 'hall', cloud: 'https://other.example.com' }
    writeFileSync(join(box.folder, 'data', 'identity.json'), JSON.stringify(identity))
    expect(await box.run(['run'])).toMatchObject({ code: 0 })
    writeFileSync(box.file, readFileSync(box.file, 'utf8').replace('  # cloud:', '  cloud:'))
    for (const command of [['run'], ['config', 'check']]) {
      const ran = await box.run(command)
      expect(ran).toMatchObject({ code: 2, out: '' })
      expect(ran.err).toContain('sync.cloud = "https://cloud.example.com"')
      expect(ran.err).toContain('Write https://other.example.com')
    }
  })
})

describe('the language', () => {
  it('is --lang, then METERGATE_LANG, then the configuration, then LANG', async () => {
    const box = await new Box().initialised()
    writeFileSync(box.file, `${readFileSync(box.file, 'utf8')}language: zh\n`)
    const speaks = async (args: string[], env: Record<string, string>): Promise<string> =>
      (await box.run([...args, 'status'], undefined, env)).err.includes('未运行') ? 'zh' : 'en'
    expect(await speaks([], { LANG: 'en_GB.UTF-8' })).toBe('zh')
    expect(await speaks([], { METERGATE_LANG: 'en' })).toBe('en')
    expect(await speaks(['--lang', 'zh'], { METERGATE_LANG: 'en' })).toBe('zh')
  })
})

describe('every command', () => {
  it('has help in Chinese and English', async () => {
    const box = new Box()
    for (const lang of ['zh', 'en']) {
      for (const command of ['run', 'init', 'config', 'read', 'status', 'energy', 'production', 'enrol', 'profiles']) {
        const ran = await box.run([command, '--lang', lang, '--help'])
        expect(ran.code).toBe(0)
        expect(ran.out.includes('用法')).toBe(lang === 'zh')
      }
    }
  })
})

describe('metergate verify', () => {
  it('says that all is well, and ends with 0', async () => {
    const box = await new Box().initialised()
    const { code, out } = await box.run(['verify'])
    expect({ code, out }).toEqual({
      code: 0,
      out: 'the store is whole: 3 batches and 20 unsealed records were checked\n',
    })
  })

  it('names what was tampered with and what the store says of its own past, in both languages, and ends with 1', async () => {
    const box = await new Box().initialised()
    const local: ControlHandlers = {
      ...handlers,
      verify: async () =>
        ok({
          batches: 3,
          rows: 0,
          findings: [{ stream: STREAM, what: 'batch', kind: 'removed', number: 2, last: 3, first: 40 }],
          gaps: [
            {
              kind: 'gap',
              stamp,
              stream: STREAM,
              stream_kind: 'detail',
              first: seqSchema.parse(1),
              last: seqSchema.parse(9),
              reason: 'storage_cap',
            },
          ],
          events: [REPAIRED],
        }),
    }
    const { code, out } = await box.run(['verify'], undefined, {}, local)
    expect(code).toBe(1)
    expect(out).toContain('stream 01234567, batch 2–3: was removed')
    expect(out).toContain('2026-11-23 12:00  the store was damaged and repaired')
    expect(out).toContain('records 1–9 are gone: the size limit was reached')
    const zh = await box.run(['verify', '--lang', 'zh'], undefined, {}, local)
    expect(zh.out).toContain('流 01234567 批次 2–3: 被删除')
  })
})

describe('a store that is not there yet', () => {
  it('asks for a first start, in both languages', async () => {
    const box = await new Box().initialised()
    const none = async () => fail({ kind: 'store', why: 'there is no store in /srv/data' } as const)
    const local: ControlHandlers = { ...handlers, verify: none, history: none }
    for (const command of ['verify', 'export']) {
      const en = await box.run([command], undefined, {}, local)
      expect(en.err).toBe('there is no store in /srv/data yet: start metergate run once, or check store.folder\n')
      expect((await box.run([command, '--lang', 'zh'], undefined, {}, local)).err).toContain('还没有存储')
    }
  })
})

describe('metergate export', () => {
  it('writes page after page under one header, of the kinds asked for', async () => {
    const box = await new Box().initialised()
    const { code, out } = await box.run(['export', '--date', '2026-11-23'])
    expect(code).toBe(0)
    expect(out.split('\n')).toEqual([
      'seq,kind,time,quality,meter,quantity,value,flag,detail',
      '1,reading,2026-11-23T04:00:00.000Z,S,press-1,frequency,50.01,,all',
      '2,reading,2026-11-23T04:00:00.000Z,S,press-1,frequency,50.02,,all',
      '',
    ])
    const events = await box.run(['export', '--what', 'events', '--json'])
    expect(JSON.parse(events.out)).toMatchObject({ seq: 1, record: { code: 'store_repaired' } })
  })

  it('makes a new file and never writes over one', async () => {
    const box = await new Box().initialised()
    const file = join(box.folder, 'day.csv')
    expect(await box.run(['export', '-o', file])).toMatchObject({
      code: 0,
      out: '2 records written to <box>/day.csv\n',
    })
    expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(4)
    expect(await box.run(['export', '-o', file])).toMatchObject({ code: 2 })
    expect(await box.run(['export', '--what', 'everything'])).toMatchObject({ code: 2 })
  })

  it('knows a meter by the configuration or by history, and says when neither has it', async () => {
    const box = await new Box().initialised()
    const empty: ControlHandlers = { ...handlers, history: async () => ok({ records: [] }) }
    expect(await box.run(['export', '--meter', 'gone-1'])).toMatchObject({ code: 0, err: '' })
    expect(await box.run(['export', '--meter', 'press-1'], undefined, {}, empty)).toMatchObject({ code: 0, err: '' })
    const en = await box.run(['export', '--meter', 'nope'], undefined, {}, empty)
    expect(en).toMatchObject({ code: 2, err: expect.stringContaining('there is no meter "nope"') })
    const zh = await box.run(['export', '--meter', 'nope', '--lang', 'zh'], undefined, {}, empty)
    expect(zh.err).toContain('没有电表 "nope"')
  })
})

describe('metergate meter exchange', () => {
  it.each([['--at'], ['--new-at']])('refuses a future %s, in both languages', async (option) => {
    const box = await new Box().initialised()
    for (const [lang, words] of [
      ['en', 'is after now, 2026-11-23 12:00'],
      ['zh', '晚于现在 2026-11-23 12:00'],
    ] as const) {
      const ran = await box.run(['--lang', lang, 'meter', 'exchange', 'press-1', option, '2099-01-01T00:00'])
      expect(ran).toMatchObject({ code: 2, err: expect.stringContaining(words) })
    }
  })

  it('says that the time without a meter is unknown when nobody knows it', async () => {
    const box = await new Box().initialised()
    const meter_exchange: ControlHandlers['meter_exchange'] = async ({ meter }) =>
      ok({ meter, facts: { unmetered_s: null } })
    const ran = await box.run(
      ['--lang', 'en', 'meter', 'exchange', 'press-1'],
      undefined,
      {},
      {
        ...handlers,
        meter_exchange,
      },
    )
    expect(ran.out).toBe('exchange of press-1 recorded, time without a meter unknown\n')
  })

  it('says which register the old one contradicts', async () => {
    const box = await new Box().initialised()
    const meter_exchange: ControlHandlers['meter_exchange'] = async () => fail({ kind: 'register', why: '1000.50' })
    const ran = await box.run(
      ['--lang', 'en', 'meter', 'exchange', 'press-1', '--old-end', '9'],
      undefined,
      {},
      {
        ...handlers,
        meter_exchange,
      },
    )
    expect(ran).toMatchObject({ code: 1, err: expect.stringContaining('contradicts 1000.50 kWh, the last one read') })
  })
})
