import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { rootFolder } from '../root.js'
import { fakeTimeLibrary } from './agent-rigs.js'

const MAIN = join(rootFolder(), 'scripts/dist/rigs/main.js')
const hasStrace = spawnSync('strace', ['-V']).status === 0
const isRoot = process.getuid?.() === 0

const hasFakeTime = fakeTimeLibrary() !== undefined

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

const isGood = expect.objectContaining({ good: true })

/** The short forms; what a machine cannot run is skipped here and said in the report of `npm run torture`. */
describe('what the store has called stored', () => {
  it('survives kill -9, and silent losses are found out', { timeout: 120_000 }, () => {
    expect(rig('kill-loop', 'mutations', 'mutations-control')).toEqual([isGood, isGood, isGood])
  })

  it.runIf(isRoot)('survives a power cut, and a store that does not flush is found out', { timeout: 120_000 }, () => {
    expect(rig('power-cut', 'power-cut-control')).toEqual([isGood, isGood])
  })

  it.runIf(hasStrace)('is stored whole after a failed flush or write, or a killed start', { timeout: 240_000 }, () => {
    const names = ['failing-fsync', 'failing-write', 'migration-killed', 'migration-killed-control']
    expect(rig(...names)).toEqual(names.map(() => isGood))
  })

  it.runIf(isRoot)('outlives a full disk and a read-only one, and goes on by itself', { timeout: 120_000 }, () => {
    expect(rig('full-disk', 'read-only')).toEqual([isGood, isGood])
  })
})

describe('what the gateway knows of the time', () => {
  it.runIf(hasFakeTime)('is told as it was known, whatever the wall clock does', { timeout: 240_000 }, () => {
    expect(rig('clock-steps')).toEqual([isGood])
  })

  it.runIf(hasFakeTime && isRoot)(
    'is nothing after boots without a clock, and the order holds',
    { timeout: 120_000 },
    () => {
      expect(rig('unsynced-boots')).toEqual([isGood])
    },
  )
})

describe('a link that loses answers or hangs', () => {
  it('brings everything across once', { timeout: 240_000 }, () => {
    const names = ['lost-answers', 'sick-peers', 'link-control']
    expect(rig(...names)).toEqual(names.map(() => isGood))
  })
})
