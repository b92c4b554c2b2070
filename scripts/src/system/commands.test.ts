import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { rootFolder } from '../root.js'

const COMMANDS = { metergate: 'agent', 'metergate-cloud': 'cloud-api', 'metergate-sim': 'simulator' } as const

/** What the README tells people to type: the commands as npm has linked them. */
it.each(Object.keys(COMMANDS))('`npx %s` is a command of a fresh clone', (command) => {
  const { status, stdout, stderr } = spawnSync(join(rootFolder(), 'node_modules/.bin', command), ['--version'], {
    encoding: 'utf8',
  })
  expect({ status, stderr, version: stdout.trim() }).toEqual({ status: 0, stderr: '', version: '0.1.0' })
})

it.each(Object.entries(COMMANDS))('%s says what to do when nothing is compiled', (command, folder) => {
  const empty = mkdtempSync(join(tmpdir(), 'metergate-command-'))
  cpSync(join(rootFolder(), folder, 'bin'), join(empty, 'bin'), { recursive: true })
  const { status, stderr } = spawnSync(process.execPath, [join(empty, 'bin', `${command}.js`)], { encoding: 'utf8' })
  rmSync(empty, { recursive: true })
  expect(status).toBe(2)
  expect(stderr).toBe(`${command} is not compiled yet: run "npm run build" in the repository first.\n`)
})
