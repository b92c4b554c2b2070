/**
 * `npm run torture -- [T02 …] [--short]`: every test of the reliability list in its long form, one after the other, and a
 * table of what was run and found (also in `.vitest/torture.md`; what each rig noted, a line each, in
 * `.vitest/torture.jsonl`). Hours; `--short` is what `npm test` runs. Exit code 1 when something was violated, or a
 * planted mistake was not found.
 */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { rootFolder } from '../root.js'
import { type RigLine, runRig } from './run-rig.js'
import { runSuites, type SuiteResult } from './run-suites.js'
import { TESTS, type TestRow } from './tests.js'

const REPORT = join(rootFolder(), '.vitest/torture.md')
const NOTES = join(rootFolder(), '.vitest/torture.jsonl')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { short: { type: 'boolean', default: false } },
})
const strange = positionals.find((each) => !TESTS.some(({ test }) => test === each))
if (strange !== undefined) {
  process.stderr.write(`there is no test "${strange}"; there are ${TESTS.map(({ test }) => test).join(' ')}\n`)
  process.exit(2)
}
const rows = TESTS.filter(({ test }) => positionals.length === 0 || positionals.includes(test))

mkdirSync(join(rootFolder(), '.vitest'), { recursive: true })
writeFileSync(NOTES, '')
const rigs = new Map<string, RigLine>()
for (const name of new Set(rows.flatMap((row) => [...(row.controls ?? []), ...(row.rigs ?? [])]))) {
  say(`… ${name}`)
  rigs.set(name, await rigOf(name))
}
const suites = suitesOf([...new Set(rows.flatMap((row) => row.suites ?? []))])

const table = [
  '| test | what | runs | violations | planted mistake caught | command |',
  '|---|---|---|---|---|---|',
  ...rows.map(rowText),
]
writeFileSync(REPORT, `${table.join('\n')}\n`)
process.stdout.write(`${table.join('\n')}\n`)
const isBad =
  [...rigs.values()].some(({ good }) => good === false) || [...suites.values()].some(({ passed }) => !passed)
process.exitCode = isBad ? 1 : 0

function say(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`${text}\n`)
}

/** One rig in a process of its own; one that breaks counts as violated. */
async function rigOf(name: string): Promise<RigLine> {
  const { line, words } = await runRig(name, !values.short)
  if (line) {
    appendFileSync(NOTES, `${JSON.stringify(line)}\n`)
    return line
  }
  process.stderr.write(`${name}: ${words.slice(-500)}\n`)
  return { rig: name, runs: 0, violations: 1, good: false, notes: {} }
}

function suitesOf(files: readonly string[]): ReadonlyMap<string, SuiteResult> {
  if (files.length === 0) return new Map()
  say('… test files')
  const env = values.short ? process.env : { ...process.env, METERGATE_LONG: '1' }
  return new Map(runSuites(files, { env }).map((each) => [each.file, each]))
}

function rowText(row: TestRow): string {
  const own = (row.rigs ?? []).flatMap((name) => rigs.get(name) ?? [])
  const files = (row.suites ?? []).map((file) => suites.get(file) ?? { file, passed: false, tests: 0 })
  const skipped = own.flatMap(({ rig, skipped: why }) => (why === undefined ? [] : [`${rig}: ${why}`]))
  const runs = [
    ...own.flatMap(({ rig, runs: count }) => (count === undefined ? [] : [`${rig} ${count}`])),
    ...files.map(({ file, tests }) => `${file.split('/').at(-1)} ${tests}`),
    ...skipped.map((why) => `skipped, ${why}`),
  ]
  const ran = own.filter(({ skipped: why }) => why === undefined)
  const violations =
    ran.reduce((sum, each) => sum + (each.violations ?? 1), 0) + files.filter(({ passed }) => !passed).length
  const nothing = ran.length === 0 && files.length === 0
  const command = row.command ?? `npm run torture -- ${row.test}`
  return `| ${row.test} | ${row.what} | ${runs.join(', ')} | ${nothing ? '–' : violations} | ${plantedText(row)} | \`${command}\` |`
}

function plantedText(row: TestRow): string {
  const controls = (row.controls ?? []).flatMap((name) => rigs.get(name) ?? [])
  const words = controls.map(({ rig, good, skipped }) => `${rig}: ${skipped ? 'skipped' : good ? 'yes' : 'NO'}`)
  if (row.planted) words.push(row.planted)
  return words.join('; ') || '–'
}
