/**
 * `npm run check`: format and lint (Biome), types of the page (vue-tsc), the import arrows (dependency-cruiser).
 * The arrow check proves itself each time: it must see every source file, and it must refuse a planted wrong import.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cruise, type ICruiseOptions, type ICruiseResult } from 'dependency-cruiser'
import extractConfig from 'dependency-cruiser/config-utl/extract-depcruise-options'
import { rootFolder } from '../root.js'

const root = rootFolder()
const PROGRAMS = ['protocol/src', 'agent/src', 'cloud-api/src', 'simulator/src']
/** Breaks two rules at once: the energy part reaching for the database, and the pure protocol for the disk. */
const PLANTS = [
  { file: 'agent/src/energy/planted-wrong-import.ts', text: "import 'better-sqlite3'\n", rule: 'door-sqlite' },
  { file: 'protocol/src/wire/planted-wrong-import.ts', text: "import 'node:fs'\n", rule: 'protocol-is-pure' },
  {
    file: 'agent/src/bus/planted-wrong-import.ts',
    text: "import '../store/record-store.js'\n",
    rule: 'agent-bus-points-left',
  },
]

interface Step {
  readonly name: string
  run(): Promise<string[]> | string[]
}

function tool(name: string, script: string, args: readonly string[]): Step {
  return {
    name,
    run() {
      const result = spawnSync(process.execPath, [join(root, script), ...args], { cwd: root, encoding: 'utf8' })
      return result.status === 0 ? [] : [`${result.stdout}${result.stderr}`.trim()]
    },
  }
}

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
}

async function cruiseArrows(): Promise<ICruiseResult> {
  const options: ICruiseOptions = await extractConfig(join(root, '.dependency-cruiser.cjs'))
  const { output } = await cruise(PROGRAMS, { ...options, baseDir: root, validate: true })
  if (typeof output === 'string') throw new Error('dependency-cruiser returned text instead of a result')
  return output
}

async function arrows(): Promise<string[]> {
  const result = await cruiseArrows()
  const seen = new Set(result.modules.map((module) => module.source))
  const unseen = PROGRAMS.flatMap(sourceFiles).filter((file) => !seen.has(file))
  const problems = result.summary.violations
    .filter((violation) => violation.rule.severity === 'error')
    .map((violation) => `${violation.rule.name}: ${violation.from} → ${violation.to}`)
  if (unseen.length > 0) problems.push(`${unseen.length} source files were not looked at, e.g. ${unseen[0]}`)
  return problems
}

async function plantedImportsAreRefused(): Promise<string[]> {
  const clash = PLANTS.find((plant) => existsSync(join(root, plant.file)))
  if (clash) return [`${clash.file} exists already; remove it and run again`]
  try {
    for (const plant of PLANTS) writeFileSync(join(root, plant.file), plant.text)
    const { summary } = await cruiseArrows()
    return PLANTS.filter(
      (plant) => !summary.violations.some((v) => v.from === plant.file && v.rule.name === plant.rule),
    ).map((plant) => `the planted wrong import in ${plant.file} was not refused by ${plant.rule}`)
  } finally {
    for (const plant of PLANTS) rmSync(join(root, plant.file), { force: true })
  }
}

const steps: Step[] = [
  tool('format and lint', 'node_modules/@biomejs/biome/bin/biome', ['ci', '--colors=off', '.']),
  { name: 'import arrows and doors', run: arrows },
  { name: 'the arrow check refuses a planted wrong import', run: plantedImportsAreRefused },
]
if (existsSync(join(root, 'cloud-api/dashboard/tsconfig.json'))) {
  steps.push(
    tool('types of the page', 'node_modules/vue-tsc/bin/vue-tsc.js', [
      '--noEmit',
      '-p',
      'cloud-api/dashboard/tsconfig.json',
    ]),
  )
}

let failed = 0
for (const step of steps) {
  const problems = await step.run()
  console.log(`${problems.length === 0 ? 'ok  ' : 'FAIL'}  ${step.name}`)
  for (const problem of problems) console.log(problem.replaceAll(/^/gm, '      '))
  if (problems.length > 0) failed += 1
}
process.exitCode = failed === 0 ? 0 : 1
