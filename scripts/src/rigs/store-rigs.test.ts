import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { rootFolder } from '../root.js'

const MAIN = join(rootFolder(), 'scripts/dist/rigs/main.js')
const hasStrace = spawnSync('strace', ['-V']).status === 0
const isRoot = process.getuid?.() === 0

/** The rigs run the compiled store in processes of their own, which are killed, stopped and denied their disk. */
function rig(...names: string[]): readonly Record<string, unknown>[] {
  expect(existsSync(MAIN), 'compile first: npm run build').toBe(true)
  const { stdout, stderr } = spawnSync(process.execPath, [MAIN, ...names], { encoding: 'utf8' })
  expect(stderr).toBe('')
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

describe('what the store has called stored', () => {
  it('survives kill -9', { timeout: 60_000 }, () => {
    expect(rig('kill-loop')).toEqual([expect.objectContaining({ violations: 0, good: true })])
  })

  it.runIf(isRoot)('survives a power cut, and a store that does not flush is found out', { timeout: 90_000 }, () => {
    const [cut, control] = rig('power-cut', 'power-cut-control')
    expect(cut).toMatchObject({ violations: 0, good: true })
    expect(control).toMatchObject({ rig: 'power-cut-control', good: true })
  })

  it.runIf(hasStrace)('is stored whole after a failed flush or write', { timeout: 120_000 }, () => {
    for (const result of rig('failing-fsync', 'failing-write', 'file-limit')) {
      expect(result).toMatchObject({ violations: 0, good: true })
    }
  })

  it.runIf(isRoot)('outlives a full disk, and the store goes on by itself', { timeout: 60_000 }, () => {
    expect(rig('full-disk')).toEqual([expect.objectContaining({ violations: 0, good: true })])
  })
})
