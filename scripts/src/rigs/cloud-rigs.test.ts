import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { postgresBinaries } from '@metergate/cloud-api/testing/postgres'
import { describe, expect, it } from 'vitest'
import { rootFolder } from '../root.js'

const MAIN = join(rootFolder(), 'scripts/dist/rigs/main.js')
const isRoot = process.getuid?.() === 0
const hasDatabase = postgresBinaries() !== undefined

/** The real server in a process of its own, which is killed, stopped, and denied its database. */
function rig(...names: string[]): void {
  expect(existsSync(MAIN), 'compile first: npm run build').toBe(true)
  const { stdout, stderr } = spawnSync(process.execPath, [MAIN, ...names], { encoding: 'utf8' })
  expect(stderr).toBe('')
  const results: unknown[] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(results).toEqual(names.map((name) => expect.objectContaining({ rig: name, violations: 0, good: true })))
}

describe('what the cloud has acknowledged', { timeout: 120_000 }, () => {
  it('is there, once, when fifty said the same and the server was killed', () => rig('cloud-same-batch'))
  it.runIf(hasDatabase)('so it is on PostgreSQL', () => rig('cloud-same-batch-pg'))
  it.runIf(isRoot)('survives a power cut of the server', () => rig('cloud-power-cut'))
  it.runIf(hasDatabase)('survives the death of PostgreSQL', () => rig('cloud-database-crash'))
})

describe('a database that does not answer', { timeout: 120_000 }, () => {
  it.runIf(hasDatabase)('is told apart within two seconds, and all drains when it is back', () =>
    rig('cloud-database-gone'),
  )
})

describe('a herd of gateways', { timeout: 120_000 }, () => {
  it('is turned away with a time to come back, loses nothing, and sends the newest first', () => rig('herd'))
})
