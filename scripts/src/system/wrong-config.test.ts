import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { run } from './program.js'

const folder = mkdtempSync(join(tmpdir(), 'metergate-wrong-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const GOOD = `lines:
  - { id: line-1, port: /dev/ttyUSB0, baud: 9600, format: 8N1 }
meters:
  - { id: press-1, line: line-1, profile: eastron-sdm630, unit: 1 }
  - { id: press-2, line: line-1, profile: chint-dtsu666, unit: 2, ct: 200/5 }
`

interface Mistake {
  readonly from: string
  readonly to: string
  /** Path and value as they must be named. */
  readonly names: string
  /** What to do about it. */
  readonly remedy: { readonly en: string; readonly zh: string }
}

const MISTAKES: Readonly<Record<string, Mistake>> = {
  'an unknown meter model': {
    from: 'eastron-sdm630',
    to: 'eastron-sdm631',
    names: 'meters[0].profile = "eastron-sdm631"',
    remedy: { en: 'metergate profiles list', zh: 'metergate profiles list' },
  },
  'a unit id used twice': {
    from: 'unit: 2',
    to: 'unit: 1',
    names: 'meters[1].unit = 1',
    remedy: { en: 'Write what the meter', zh: '改成电表面板上的地址' },
  },
  'a baud rate that does not exist': {
    from: 'baud: 9600',
    to: 'baud: 9601',
    names: 'lines[0].baud = 9601',
    remedy: { en: 'Write 300, 600, 1200', zh: '波特率写 300、600、1200' },
  },
  'a value of the wrong type': {
    from: 'unit: 1',
    to: 'unit: one',
    names: 'meters[0].unit = "one"',
    remedy: { en: '1 to 247', zh: '1 到 247' },
  },
  'a key nobody knows': {
    from: 'baud: 9600',
    to: 'boud: 9600',
    names: 'lines[0].boud = 9600',
    remedy: { en: 'Did you mean baud?', zh: '是否想写 baud' },
  },
}

/** Runs the program on a file; gives its lines on standard error after checking how it ended. */
async function complaints(args: readonly string[], language: 'zh' | 'en'): Promise<string[]> {
  const { code, out, err } = await run('metergate', [...args, '--lang', language])
  expect(code, err).toBe(2)
  expect(`${out}${err}`).not.toMatch(/^\s+at |node:internal|Error:/m)
  expect(out).toBe('')
  return err.split('\n').filter((line) => line.trim() !== '')
}

describe('the program on a wrong configuration ends with 2 and one clear message', { timeout: 30_000 }, () => {
  it.each(['zh', 'en'] as const)('%s: the file is missing', async (language) => {
    const [line, ...more] = await complaints(['run', '--config', '/nowhere/metergate.yaml'], language)
    expect(more).toEqual([])
    expect(line).toContain('/nowhere/metergate.yaml')
    expect(line).toContain('metergate init')
    expect(line).toContain(language === 'zh' ? '找不到配置文件' : 'does not exist')
  })

  describe.each(Object.entries(MISTAKES))('%s', (name, { from, to, names, remedy }) => {
    it.each(['zh', 'en'] as const)('%s', async (language) => {
      const file = join(folder, `${name.replaceAll(' ', '-')}.yaml`)
      const wrong = GOOD.replace(from, to)
      expect(wrong).not.toBe(GOOD)
      writeFileSync(file, wrong)
      const [line, ...more] = await complaints(['run', '--config', file], language)
      expect(more).toEqual([])
      expect(line).toContain(`${file}:`)
      expect(line).toContain(names)
      expect(line).toContain(remedy[language])
      expect(/[\u4e00-\u9fff]/.test(line ?? '')).toBe(language === 'zh')
    })
  })

  it('and the same file without the mistake is accepted', async () => {
    const file = join(folder, 'good.yaml')
    writeFileSync(file, GOOD)
    const { code, err } = await run('metergate', ['config', 'check', '--config', file, '--lang', 'en'])
    expect([code, err]).toEqual([0, ''])
  })
})
