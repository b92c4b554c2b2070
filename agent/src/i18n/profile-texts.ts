import { REGISTER_TYPES } from '@metergate/protocol'
import { CONFIG_HINTS } from './config-texts.js'
import type { Localized } from './localized.js'

const oneOf = (values: readonly string[]): Localized => ({
  zh: `写 ${values.join('、')} 之一`,
  en: `write one of ${values.join(', ')}`,
})
const decimal = {
  zh: '写小数并加引号，例如 "0.01"',
  en: 'write a plain decimal in quotes, e.g. "0.01"',
} as const

const whole = (least: number, most: number): Localized => ({
  zh: `写 ${least} 到 ${most} 的整数`,
  en: `write a whole number from ${least} to ${most}`,
})
const yesOrNo = { zh: '写 true 或 false', en: 'write true or false' } as const
const words = { zh: '写文字', en: 'write it in words' } as const
const turnaround = {
  zh: '写 turnaround_ms: { typical: 40, max: 500 }，单位毫秒',
  en: 'write turnaround_ms: { typical: 40, max: 500 }, in milliseconds',
} as const
const forbidden = {
  zh: '写成列表，每项 { from: 108, to: 199, why: 原因 }',
  en: 'write a list, each entry { from: 108, to: 199, why: reason }',
} as const
const conflict = {
  zh: '写成列表，每项 { what: 哪里不一致, decided_by: 怎样取舍 }',
  en: 'write a list, each entry { what: what differs, decided_by: how it was settled }',
} as const
const sunspec = {
  zh: '写 sunspec: { models: [203], bases: [40000, 50000, 0] }',
  en: 'write sunspec: { models: [203], bases: [40000, 50000, 0] }',
} as const
const ratioRegisters = {
  zh: '写 ratio_registers: { ct: { address: 6, type: u16 } }',
  en: 'write ratio_registers: { ct: { address: 6, type: u16 } }',
} as const
const expected = {
  zh: '写 { hex: ["0001"] }、{ type: u16, min: 400, max: 3000 } 或 { exception: true }',
  en: 'write { hex: ["0001"] }, { type: u16, min: 400, max: 3000 } or { exception: true }',
} as const

/** What a field of a model file should look like, said as the remedy when it does not. */
const PROFILE_HINTS: Readonly<Record<string, Localized>> = {
  id: {
    zh: '用小写字母、数字和 -，例如 acme-x100',
    en: 'use lower-case letters, digits and dashes, e.g. acme-x100',
  },
  manufacturer: { zh: '写厂家名称', en: 'write who makes it' },
  models: { zh: '写成列表，例如 [X100]', en: 'write a list, e.g. [X100]' },
  title: { zh: '写 title: { zh: 中文名, en: English name }', en: 'write title: { zh: 中文名, en: English name }' },
  sources: { zh: '写成列表，说明数据出处（手册与章节）', en: 'write a list: which manual, which chapter' },
  serial: {
    zh: '写 serial: { baud: 9600, format: 8N1, unit: 1 }',
    en: 'write serial: { baud: 9600, format: 8N1, unit: 1 }',
  },
  baud: CONFIG_HINTS.baud,
  format: CONFIG_HINTS.format,
  protocol: { zh: '写 protocol: modbus 或 protocol: dlt645', en: 'write protocol: modbus or protocol: dlt645' },
  read_function: {
    zh: '写 3（保持寄存器）或 4（输入寄存器），以手册为准',
    en: 'write 3 (holding registers) or 4 (input registers), as the manual says',
  },
  values_are: oneOf(['primary', 'secondary']),
  word_order: oneOf(['high_first', 'low_first']),
  ratio: oneOf(['none', 'ct', 'pt', 'ct_pt']),
  type: oneOf(REGISTER_TYPES),
  address: { zh: '写 0 到 65535 的整数', en: 'write a whole number from 0 to 65535' },
  max_registers: {
    zh: '写 1 到 125 的整数（线圈与离散输入到 2000），以手册为准',
    en: 'write a whole number from 1 to 125 (coils and discrete inputs: 2000), as the manual says',
  },
  scale: decimal,
  modulus: {
    zh: '写整数并加引号，例如 "100000000"',
    en: 'write a whole number in quotes, e.g. "100000000"',
  },
  exponent: { zh: '写 -9 到 9 的整数，例如 -2', en: 'write a whole number from -9 to 9, e.g. -2' },
  items: { zh: '写成列表，每项以 - 开头，至少一项', en: 'write a list, each entry starting with -, at least one' },
  'items[]': {
    zh: '每项写成 { quantity: frequency, address: 119, type: u16, scale: "0.01" }；DL/T 645 用 di 和 bytes 代替 address 和 type',
    en: 'write an item like { quantity: frequency, address: 119, type: u16, scale: "0.01" }; for DL/T 645 di and bytes in place of address and type',
  },
  quantity: {
    zh: '写 metergate profiles show eastron-sdm630 所列的量名，例如 energy_active_import_total',
    en: 'write a name as metergate profiles show eastron-sdm630 lists them, e.g. energy_active_import_total',
  },
  di: {
    zh: '写 8 位小写十六进制数据标识并加引号，例如 "00010000"（不是 1.8.0 这样的 OBIS 码）',
    en: 'write the identifier as eight lower-case hex digits in quotes, e.g. "00010000" (no OBIS code such as 1.8.0)',
  },
  bytes: whole(1, 8),
  offset: {
    zh: '写这个值在数据块中从第几个字节开始（从 0 数起）',
    en: 'write the byte of the block where this value begins, counted from 0',
  },
  signed: yesOrNo,
  aliases: { zh: '写成列表，例如 [x100]', en: 'write a list, e.g. [x100]' },
  zh: { zh: '写中文', en: 'write it in Chinese' },
  en: { zh: '写英文', en: 'write it in English' },
  category: oneOf(['electricity', 'counter']),
  unit: whole(0, 255),
  bauds: { zh: '写成列表，例如 [2400, 9600]', en: 'write a list, e.g. [2400, 9600]' },
  formats: { zh: '写成列表，例如 [8N1, "8E1"]', en: 'write a list, e.g. [8N1, "8E1"]' },
  pause_ms: whole(0, 5000),
  turnaround_ms: turnaround,
  typical: turnaround,
  quirks: {
    zh: '写成列表，每条 { zh: 中文, en: English }',
    en: 'write a list, each entry { zh: 中文, en: English }',
  },
  unverified: { zh: '用一句话写哪里没有把握', en: 'write in words what is not certain' },
  note: words,
  conflicts: conflict,
  decided_by: conflict,
  what: words,
  what_zh: words,
  edition: oneOf(['"2007"', '"1997"']),
  transports: { zh: '写成列表：[rtu]、[tcp] 或 [rtu, tcp]', en: 'write a list: [rtu], [tcp] or [rtu, tcp]' },
  alignment: oneOf(['none', 'even']),
  read_through: oneOf(['yes', 'documented', 'no']),
  forbidden,
  from: forbidden,
  to: forbidden,
  why: forbidden,
  sunspec,
  bases: sunspec,
  'sunspec.models': sunspec,
  ratio_registers: ratioRegisters,
  ct: ratioRegisters,
  pt: ratioRegisters,
  signature: {
    zh: '写成列表，每项 { what: 名称, function: 3, address: 11, count: 1, expect: { hex: ["0001"] }, weight: 3 }',
    en: 'write a list, each entry { what: name, function: 3, address: 11, count: 1, expect: { hex: ["0001"] }, weight: 3 }',
  },
  function: {
    zh: '写 1（线圈）、2（离散输入）、3（保持寄存器）或 4（输入寄存器）',
    en: 'write 1 (coils), 2 (discrete inputs), 3 (holding registers) or 4 (input registers)',
  },
  count: whole(1, 125),
  expect: expected,
  hex: expected,
  min: expected,
  max: expected,
  'turnaround_ms.max': turnaround,
  exception: expected,
  weight: whole(1, 10),
  group: oneOf(['power', 'energy', 'rare', 'identity']),
  not_available: {
    zh: '写成列表，每个值用小写十六进制并加引号，每个寄存器 4 位，例如 ["ffff"]',
    en: 'write a list of values in lower-case hex and quotes, four digits for each register, e.g. ["ffff"]',
  },
  scale_factor_address: { zh: '写 0 到 65535 的整数', en: 'write a whole number from 0 to 65535' },
  alone: yesOrNo,
}

/** The remedy for a wrong value in a model file; the whole file's when the path is empty. */
export function profileHint(path: readonly (string | number)[]): Localized {
  const names = path.filter((key) => typeof key === 'string')
  const field = names.at(-1)
  if (field === undefined) return FILE
  // What is said of a list does not help with one of its entries, and some names stand in two places.
  const isEntry = typeof path.at(-1) === 'number'
  return (isEntry ? hint(`${field}[]`) : undefined) ?? hint(names.slice(-2).join('.')) ?? hint(field) ?? EXAMPLE
}

const hint = (field: string): Localized | undefined =>
  Object.hasOwn(PROFILE_HINTS, field) ? PROFILE_HINTS[field] : undefined

const FILE: Localized = {
  zh: '一个文件写一个型号：id:、manufacturer:、protocol:、items: 等各占一行，样例见 docs/add-a-meter.md',
  en: 'one file describes one model: id:, manufacturer:, protocol:, items: and so on, each on its line; docs/add-a-meter.md has an example',
}
const EXAMPLE: Localized = { zh: '写法见 docs/add-a-meter.md', en: 'see docs/add-a-meter.md for how it is written' }
