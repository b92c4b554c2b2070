import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { rootFolder } from '../root.js'
import { runPlanted, withMistake } from './plant-mistake.js'
import { PLANTED_MISTAKES } from './planted-mistakes.js'
import { TESTS } from './tests.js'

const sourceOf = (file: string): string => readFileSync(join(rootFolder(), file), 'utf8')
const plantedIn = Object.entries(PLANTED_MISTAKES)

describe('planted mistakes', () => {
  it.each(plantedIn)('%s still has its place in the source', (_, mistake) => {
    const text = sourceOf(mistake.file)
    expect(withMistake(mistake, text)).not.toBe(text)
  })

  it('are each a control of a row of the report', () => {
    const controls = new Set(TESTS.flatMap((row) => row.controls ?? []))
    expect(plantedIn.map(([name]) => name).filter((name) => !controls.has(name))).toEqual([])
  })

  it('leave no test of the list without one', () => {
    const without = TESTS.filter(({ controls = [], planted, command }) => controls.length === 0 && !planted && !command)
    expect(without.map(({ test }) => test)).toEqual([])
  })

  it('are not planted where the source has changed', () => {
    const moved = { what: '', file: 'a.ts', right: 'nowhere to be found', wrong: '', foundBy: { suite: 'a.test.ts' } }
    expect(() => withMistake(moved, 'const a = 1')).toThrow(/"nowhere to be found" stands 0 times in a.ts/)
  })

  it('are found by what must find them, in a copy that leaves the project alone', { timeout: 120_000 }, async () => {
    const name = 'retry-after-planted'
    const mistake = PLANTED_MISTAKES[name]
    if (!mistake) throw new Error('no such mistake')
    const before = sourceOf(mistake.file)
    const { violations, notes } = await runPlanted(name, mistake)
    expect(violations).toBeGreaterThan(0)
    expect(JSON.stringify(notes.words)).toContain('clamped')
    expect(sourceOf(mistake.file)).toBe(before)
  })

  it('count as not found when the mistake is none', { timeout: 120_000 }, async () => {
    const file = 'agent/src/sync/retry-schedule.ts'
    const none = { what: 'none', file, right: 'const BASE = seconds(2)', wrong: 'const BASE = seconds(2) // the same' }
    const { violations } = await runPlanted('none', {
      ...none,
      foundBy: { suite: 'agent/src/sync/retry-schedule.test.ts' },
    })
    expect(violations).toBe(0)
  })
})
