import type { MeterProfile } from '@metergate/protocol'
import { findProfile } from '@metergate/protocol/profiles'
import { stringify } from 'yaml'
import type { Language, Localized } from '../i18n/localized.js'

/** What `init` learnt. Everything is still text as typed: the finished file goes through the ordinary checks. */
export interface InitAnswers {
  readonly plant: string
  readonly port: string
  readonly baud: string
  readonly format: string
  readonly meters: readonly InitMeter[]
  readonly products: readonly InitProduct[]
  readonly cloud: string | undefined
}
export interface InitMeter {
  readonly id: string
  readonly profile: string
  readonly unit?: string
  readonly address?: string
  readonly ct?: string
}
export interface InitProduct {
  readonly id: string
  readonly counter: string
  readonly unit: string
  readonly pieces?: string
  /** The meters whose energy makes it; undefined until somebody says. */
  readonly meters?: readonly string[]
}

const NOTES = {
  head: {
    zh: 'metergate 网关配置。改完后执行：metergate config check',
    en: 'Configuration of a metergate gateway. After a change: metergate config check',
  },
  interval: { zh: '统计间隔：1m、5m、15m、30m 或 60m', en: 'statistics interval: 1m, 5m, 15m, 30m or 60m' },
  shifts: { zh: '班次，跨午夜也可以，例如：', en: 'shifts, also over midnight, e.g.:' },
  lines: { zh: '总线：一条 RS485 线为一项', en: 'one entry per RS485 line' },
  port: {
    zh: '串口、"rtu_over_tcp 主机:端口" 或 "modbus_tcp 主机:502"',
    en: 'a serial port, "rtu_over_tcp host:port" or "modbus_tcp host:502"',
  },
  baud: { zh: '波特率与数据格式：与电表面板一致', en: 'as set on the meters' },
  meters: { zh: '电表：id 以后不要改，历史数据按它归档', en: 'meters: keep an id for good, history goes by it' },
  unit: { zh: '从站地址（电表面板上的地址）', en: 'unit id as set on the meter' },
  address: { zh: '12 位表号', en: 'the 12 digits of the meter address' },
  ct: { zh: 'CT 变比', en: 'current transformer ratio' },
  products: { zh: '产品：用谁计数，用电算谁的', en: 'products: who counts them, whose energy makes them' },
  energy: {
    zh: '只写用电算到该产品的表；总表与其分表不要同写，否则重复计算',
    en: 'the meters that make it; a main meter and its sub meters together would count twice',
  },
  pieces: { zh: '每个脉冲的件数', en: 'pieces per pulse' },
  store: { zh: '数据存放；相对路径从本文件所在处算起', en: 'where data are kept; relative to this file' },
  cap: { zh: '容量上限', en: 'most space it may take' },
  sync: { zh: '上传平台；不写 cloud 则只在本地保存', en: 'upload; without cloud everything stays here' },
  every: { zh: '上传周期；按流量计费时写 15m', en: 'how often; 15m on a metered data plan' },
} as const satisfies Record<string, Localized>

/** The commented configuration file. Values are quoted by the YAML library, comments are in the reader's language. */
export function configText(answers: InitAnswers, language: Language): string {
  const note = (name: keyof typeof NOTES): string => NOTES[name][language]
  const sections = [
    `# ${note('head')}`,
    [
      'plant:',
      `  name: ${scalar(answers.plant)}`,
      '  timezone: Asia/Shanghai',
      `  interval: 15m  # ${note('interval')}`,
      `  # ${note('shifts')}`,
      '  # shifts:',
      '  #   - { id: A, from: "08:00", to: "20:00" }',
      '  #   - { id: B, from: "20:00", to: "08:00" }',
    ].join('\n'),
    [
      `# ${note('lines')}`,
      'lines:',
      '  - id: line-1',
      `    port: ${scalar(answers.port)}  # ${note('port')}`,
      `    baud: ${answers.baud}  # ${note('baud')}`,
      `    format: ${scalar(answers.format)}`,
    ].join('\n'),
    [`# ${note('meters')}`, 'meters:', ...answers.meters.flatMap((meter) => meterLines(meter, note))].join('\n'),
    ...(answers.products.length > 0
      ? [
          [
            `# ${note('products')}`,
            'products:',
            ...answers.products.flatMap((product) => productLines(product, note)),
          ].join('\n'),
        ]
      : []),
    [`# ${note('store')}`, 'store:', '  folder: ./data', `  cap: 1GiB  # ${note('cap')}`].join('\n'),
    [
      `# ${note('sync')}`,
      'sync:',
      answers.cloud === undefined ? '  # cloud: https://cloud.example.com' : `  cloud: ${scalar(answers.cloud)}`,
      `  every: 60s  # ${note('every')}`,
    ].join('\n'),
  ]
  return `${sections.join('\n\n')}\n`
}

type Note = (name: keyof typeof NOTES) => string

function meterLines(meter: InitMeter, note: Note): string[] {
  return [
    `  - id: ${scalar(meter.id)}`,
    '    line: line-1',
    `    profile: ${scalar(meter.profile)}`,
    ...(meter.unit === undefined ? [] : [`    unit: ${meter.unit}  # ${note('unit')}`]),
    ...(meter.address === undefined ? [] : [`    address: "${meter.address}"  # ${note('address')}`]),
    ...(meter.ct === undefined ? [] : [`    ct: ${scalar(meter.ct)}  # ${note('ct')}`]),
  ]
}

/** The meters that may make a product: those that measure energy, but its counter. */
export function energyMeters(
  product: InitProduct,
  meters: readonly InitMeter[],
  profiles: readonly MeterProfile[],
): string[] {
  const measures = ({ profile }: InitMeter): boolean =>
    findProfile(profile, profiles)?.items.some(({ quantity }) => quantity === 'energy_active_import_total') ?? false
  return meters.filter((meter) => meter.id !== product.counter && measures(meter)).map(({ id }) => id)
}

function productLines(product: InitProduct, note: Note): string[] {
  const energy = (product.meters ?? []).map((id) => scalar(id))
  return [
    `  - id: ${scalar(product.id)}`,
    `    unit: ${scalar(product.unit)}`,
    '    counter:',
    `      meter: ${scalar(product.counter)}`,
    '      quantity: pulse_count_1',
    `      pieces_per_pulse: ${product.pieces ?? '1'}  # ${note('pieces')}`,
    `    energy: [${energy.join(', ')}]  # ${note('energy')}`,
  ]
}

/** A text as one YAML scalar, quoted where it must be. */
const scalar = (text: string): string => stringify(text, { lineWidth: 0 }).trimEnd()
