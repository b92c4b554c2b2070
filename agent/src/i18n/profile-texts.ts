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
  quantity: {
    zh: '写 docs/meters.md 中的量名，例如 energy_active_import_total',
    en: 'write a name as docs/meters.md uses them, e.g. energy_active_import_total',
  },
  di: {
    zh: '写 8 位小写十六进制数据标识并加引号，例如 "00010000"（不是 1.8.0 这样的 OBIS 码）',
    en: 'write the identifier as eight lower-case hex digits in quotes, e.g. "00010000" (no OBIS code such as 1.8.0)',
  },
  bytes: { zh: '写 1 到 8 的整数', en: 'write a whole number from 1 to 8' },
}

/** The remedy for a wrong field of a model file; for a field without a hint, where the format is described. */
export function profileHint(field: string): Localized {
  return Object.hasOwn(PROFILE_HINTS, field) ? (PROFILE_HINTS[field] ?? EXAMPLE) : EXAMPLE
}

const EXAMPLE: Localized = { zh: '写法见 docs/add-a-meter.md', en: 'docs/add-a-meter.md shows how it is written' }
