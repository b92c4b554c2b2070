import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dlt645ProfileSchema, modbusProfileSchema } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { profileHint } from '../i18n/profile-texts.js'
import { issueText } from './issue.js'
import { checkSource, loadConfig } from './load.js'
import { readProfileFile } from './profiles.js'
import { knownKeys } from './schema-issues.js'

const CONFIG = `lines:
  - { id: a, port: /dev/ttyUSB0 }
meters:
  - { id: press-1, line: a, profile: eastron-sdm630, unit: 1 }
`
const PROFILE = `id: acme-x1
manufacturer: Acme
models: [X1]
title: { zh: 表, en: meter }
protocol: modbus
serial: { baud: 9600, format: 8N1 }
read_function: 3
sources: [manual]
items:
  - { quantity: frequency, address: 1, type: u16, scale: "0.01", group: power }
`
const emptyFolder = () => mkdtempSync(join(tmpdir(), 'mg-broken-'))

const said = (source: string): string[] => {
  const loaded = checkSource(source, { file: 'gateway.yaml', builtin: [] })
  if (loaded.ok) return []
  return loaded.fault.flatMap((issue) => [issueText(issue, 'en'), issueText(issue, 'zh')])
}

function written(files: Readonly<Record<string, string>>): string[] {
  const folder = emptyFolder()
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  const loaded = loadConfig({ file: join(folder, 'gateway.yaml') })
  const issues = loaded.ok ? loaded.value.warnings : loaded.fault
  return issues.flatMap((issue) =>
    (['en', 'zh'] as const).map((language) => issueText(issue, language).replaceAll(folder, '<box>')),
  )
}

/** Nine words that stand for a thousand million. */
const BOMB = ['a: &a [x, x, x, x, x, x, x, x, x]']
  .concat([...'bcdefghi'].map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[i]}`)}]`))
  .join('\n')

describe('a file no parser should be asked to read', () => {
  it.each([
    ['aliases that stand for gigabytes', BOMB, 'gateway.yaml:1:1: the YAML aliases (*name) stand for far too much'],
    ['a list that holds itself', '&a [*a]', 'gateway.yaml:1:5: the alias *a contains itself'],
    ['a value inside of itself', 'a: &x\n  b: *x', 'gateway.yaml:2:6: the alias *x contains itself'],
    ['an alias of nothing', 'lines: *x', 'gateway.yaml:1:8: there is no &x before the alias *x'],
    ['brackets without end', '['.repeat(20_000), 'gateway.yaml:1:201: this is nested too deep (over 200 levels)'],
    ['dashes without end', `# x\n${'- '.repeat(20_000)}a`, 'gateway.yaml:2:401: this is nested too deep'],
    ['question marks without end', '? '.repeat(20_000), 'gateway.yaml:1:401: this is nested too deep'],
    ['a tag', 'lines: []\nmeters: !foo', 'gateway.yaml:2:9: this YAML tag (a word with ! before it) is not known'],
    ['two documents', `${CONFIG}---\n${CONFIG}`, 'the file holds several YAML documents, divided by ---. Keep one'],
  ])('is refused with its place: %s', (_, source, words) => {
    const [en, zh, ...more] = said(source)
    expect(en).toContain(words)
    expect(zh).toMatch(/[：。]/)
    expect(en).not.toContain('Use maxAliasCount')
    expect(more).toEqual([])
    const file = join(emptyFolder(), 'x.yaml')
    writeFileSync(file, source)
    const read = readProfileFile(file)
    expect(read.ok ? [] : read.fault.issues.map((issue) => issueText(issue, 'en')).length).toBe(1)
  })

  it('is refused when it is large, and not read to its end', () => {
    expect(written({ 'gateway.yaml': `${CONFIG}#${'x'.repeat(2 ** 20)}` })).toEqual([
      '<box>/gateway.yaml: the file is over 1 MiB, too much for a configuration or a model. Check that the right file is named',
      '<box>/gateway.yaml：文件超过 1 MiB，不像是配置或型号文件。检查文件名是否写对',
    ])
    const endless = loadConfig({ file: '/dev/zero' })
    expect(endless.ok ? '' : endless.fault.map((issue) => issueText(issue, 'en')).join()).toContain('over 1 MiB')
  })

  it.each([
    [
      'saved as GBK',
      Buffer.concat([Buffer.from('id: acme-x1\nmanufacturer: '), Buffer.from('b0b2bfc6c8f0', 'hex')]),
      2,
    ],
    ['saved as UTF-16', Buffer.from(`\uFEFF${PROFILE}`, 'utf16le'), 1],
    ['no text at all', Buffer.from(Array.from({ length: 256 }, (_, i) => i)), 1],
    ['with a stray control character', Buffer.from('id: acme-x1\n\nmanufacturer: Ac\0me\n'), 3],
  ])('is refused with its line when it is no text in UTF-8: %s', (_, bytes, line) => {
    const folder = emptyFolder()
    const file = join(folder, 'x.yaml')
    writeFileSync(file, bytes)
    const read = readProfileFile(file)
    const loaded = loadConfig({ file })
    for (const fault of [read.ok ? [] : read.fault.issues, loaded.ok ? [] : loaded.fault]) {
      const [text, ...more] = fault.map((issue) => issueText(issue, 'en').replace(folder, ''))
      expect(text).toContain(`/x.yaml:${line}:1: this is not text in UTF-8. Save it as UTF-8`)
      expect(more).toEqual([])
    }
  })

  it('may begin with a byte order mark and end its lines as Windows does', () => {
    const file = join(emptyFolder(), 'x.yaml')
    writeFileSync(file, `\uFEFF${PROFILE.replaceAll('\n', '\r\n')}`)
    expect(readProfileFile(file)).toMatchObject({ ok: true, value: { title: { zh: '表' } } })
  })

  it('leaves brackets in text and comments, anchors and deep sections alone', () => {
    const text = `# ${'['.repeat(300)}\nplant: { name: "${'['.repeat(70)}" }\n${CONFIG}`
    expect(checkSource(text, { file: 'gateway.yaml' }).ok).toBe(true)
    const shared = CONFIG.replace(
      'unit: 1 }',
      'unit: 1, poll: &p { power: 5s } }\n  - { id: b, line: a, profile: eastron-sdm630, unit: 2, poll: *p }',
    )
    expect(checkSource(shared, { file: 'gateway.yaml' }).ok).toBe(true)
  })
})

it('has a word for every field of a model file', () => {
  const known = [[], ['items', 0], ['sunspec'], ['ratio_registers'], ['serial'], ['turnaround_ms'], ['forbidden', 0]]
  const deeper = [['signature', 0], ['conflicts', 0], ['title']]
  const paths = [...known, ...deeper].flatMap((path) =>
    [modbusProfileSchema, dlt645ProfileSchema].flatMap((schema) =>
      knownKeys(schema, path).map((key) => [...path, key]),
    ),
  )
  expect(paths.length).toBeGreaterThan(80)
  for (const path of paths)
    expect([path, profileHint(path).en]).not.toEqual([path, expect.stringContaining('see docs')])
})

describe('the folder of own models', () => {
  it('may be named wrongly: a file, nothing, no folder', () => {
    const withFolder = (name: string) =>
      written({ 'gateway.yaml': `profiles: ${name}\n${CONFIG}`, 'other.yaml': 'x: 1' })
    expect(withFolder('./gateway.yaml')).toEqual([
      '<box>/gateway.yaml:1:11  profiles = "./gateway.yaml": this is a file, not a folder. Name the folder that holds the model files',
      '<box>/gateway.yaml:1:11  profiles = "./gateway.yaml"：这是文件，不是文件夹。写型号文件所在的文件夹',
    ])
    // Not the configuration's own folder with every file in it.
    expect(withFolder("''")).toHaveLength(2)
    expect(withFolder('./none').join()).toContain('the folder of meter models does not exist')
  })

  it('may hold a broken file of any kind', () => {
    const text = written({ 'gateway.yaml': `profiles: own\n${CONFIG}`, 'own/x.yaml': '&a [*a]', 'own/y.yaml': BOMB })
    expect(text.filter((line) => line.includes('own/x.yaml:1:5'))).toHaveLength(2)
    expect(text.filter((line) => line.includes('own/y.yaml:1:1'))).toHaveLength(2)
  })

  it('may hold a value of the right type that is not one of the known: they are listed', () => {
    const file = join(emptyFolder(), 'x.yaml')
    const wrongIn = (from: string, to: string) => {
      writeFileSync(file, PROFILE.replace(from, to))
      const read = readProfileFile(file)
      return read.ok ? '' : read.fault.issues.map((issue) => issueText(issue, 'en')).join('\n')
    }
    expect(wrongIn('9600', '9601')).toContain('serial.baud = 9601: this value is not allowed. Write 300, 600')
    expect(wrongIn('protocol: modbus', 'protocol: Modbus')).toContain(
      '"Modbus": this value is not allowed. Write protocol',
    )
    expect(wrongIn('9600', '[9600]')).toContain('Write 300, 600')
    const most = wrongIn('read_function: 3', 'read_function: 3\nmax_registers: 500')
    expect(most).toContain('max_registers = 500: one answer holds 125 registers at most')
  })

  it('says of each wrong value what belongs in its place, in both languages', () => {
    const file = join(emptyFolder(), 'x.yaml')
    const wrongIn = (from: string, to: string) => {
      writeFileSync(file, from === '' ? to : PROFILE.replace(from, to))
      const read = readProfileFile(file)
      const issues = read.ok ? [] : read.fault.issues
      return issues.map((issue) => (['en', 'zh'] as const).map((each) => issueText(issue, each)))
    }
    const cases: readonly (readonly [from: string, to: string, en: string])[] = [
      ['', '# nothing yet\n', 'the file is empty. One file describes one model'],
      ['', 'hello', '"hello": wrong type: this is text. One file describes one model'],
      ['items:', 'items: [a]\nnever:', 'items[0] = "a": wrong type: this is text. Write an item like { quantity'],
      ['quantity: frequency', 'quantity: 频率', 'there is no such quantity. Did you mean frequency?'],
      ['quantity: frequency', 'quantity: heat', 'Write a name as metergate profiles show eastron-sdm630 lists them'],
      ['address: 1,', 'address: .nan,', 'address = NaN: this value is not allowed. Write a whole number'],
      ['address: 1,', 'address: 99999999999999999999,', 'address = 100000000000000000000: this value is not allowed'],
      ['address: 1,', 'address: 1, address: 2,', 'address is written twice. Keep one of them'],
      [
        'read_function: 3',
        'read_function: 3\nforbidden: [{ from: 1, to: 2 }]',
        'why: this is missing. Write a list, each',
      ],
      ['read_function: 3', 'read_function: 3\nsunspec: { models: 203, bases: [0] }', 'Write sunspec: { models: [203]'],
      ['type: u16', 'type: u16, not_available: ["FFFF"]', 'Write a list of values in lower-case hex and quotes'],
    ]
    for (const [from, to, en] of cases) {
      const [first, ...more] = wrongIn(from, to).filter(([text]) => !text?.includes('never'))
      expect(first?.[0]).toContain(en)
      expect(first?.[1]).toMatch(/[：。]/)
      expect([to, more]).toEqual([to, []])
    }
  })

  it('may be an edition without quotes, and a file whose name ends in capitals', () => {
    const old = PROFILE.replace('protocol: modbus', 'protocol: dlt645\nedition: 1997')
      .replace('read_function: 3\n', '')
      .replace('address: 1, type: u16, scale: "0.01"', 'di: "0000b611", bytes: 2')
      .replace('frequency', 'voltage_l1_n')
    const config = CONFIG.replace('eastron-sdm630, unit: 1', 'acme-x1, address: "000000000001"')
    expect(written({ 'gateway.yaml': `profiles: own\n${config}`, 'own/A.YAML': old })).toEqual([])
  })

  it('may not hold one id twice: both files are named', () => {
    const own = { 'own/b.yaml': `# copy\n${PROFILE}`, 'own/a.yaml': PROFILE }
    expect(written({ 'gateway.yaml': `profiles: own\n${CONFIG}`, ...own })).toEqual([
      '<box>/own/b.yaml:2:5  id = "acme-x1": the file a.yaml has this id already. Give one of them another id, or move one file away',
      '<box>/own/b.yaml:2:5  id = "acme-x1"：文件 a.yaml 已用此型号 id。改其中一个的 id，或移走一个文件',
    ])
    // An own file in the place of a shipped model is what the folder is for.
    const shipped = { 'own/a.yaml': PROFILE.replace('acme-x1', 'eastron-sdm120') }
    expect(written({ 'gateway.yaml': `profiles: own\n${CONFIG}`, ...shipped })).toEqual([])
  })
})
