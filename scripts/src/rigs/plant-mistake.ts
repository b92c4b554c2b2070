import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { invariant } from '@metergate/protocol'
import ts from 'typescript'
import { rootFolder } from '../root.js'
import type { PlantedMistake } from './planted-mistakes.js'
import { inFolder, type RigResult } from './rig.js'
import { runRig } from './run-rig.js'
import { runSuites } from './run-suites.js'

const OUR_SCOPE = '@metergate'
const BESIDE_PACKAGES = [
  'scripts',
  'package.json',
  'tsconfig.json',
  'tsconfig.base.json',
  'vitest.config.ts',
  'vitest.sequencer.ts',
  'vitest.global.ts',
  'vitest.setup.ts',
]

/** The file's text with the mistake in it. Throws when what is to be wrong does not stand in it exactly once. */
export function withMistake({ file, right, wrong }: PlantedMistake, text: string): string {
  const found = text.split(right).length - 1
  invariant(found === 1, `planted mistake: "${right.trim()}" stands ${found} times in ${file}, not once`)
  return text.replace(right, () => wrong)
}

/**
 * Puts a mistake into a copy of the whole project and lets the rig or test file that must find it look at the copy.
 * `violations` is what it found: none means that it cannot see such a mistake. Throws when it did not come to an end.
 */
export function runPlanted(name: string, mistake: PlantedMistake): Promise<RigResult> {
  return inFolder(async (folder) => {
    const copy = join(folder, 'copy')
    copyProject(copy)
    const source = join(copy, mistake.file)
    const text = withMistake(mistake, readFileSync(source, 'utf8'))
    writeFileSync(source, text)
    writeFileSync(compiledPath(copy, mistake.file), compiled(text))
    const { foundBy } = mistake
    const found = 'rig' in foundBy ? await violationsOf(copy, foundBy.rig) : failuresOf(copy, foundBy.suite)
    const { violations, words } = found
    return { rig: name, runs: 1, violations, notes: { planted: mistake.what, file: mistake.file, words } }
  })
}

function copyProject(copy: string): void {
  const root = rootFolder()
  const modules = join(root, 'node_modules')
  const packages = readdirSync(join(modules, OUR_SCOPE))
  mkdirSync(copy)
  for (const name of [...packages, ...BESIDE_PACKAGES]) cpSync(join(root, name), join(copy, name), { recursive: true })
  // Our own packages are the copy's, all others the project's.
  mkdirSync(join(copy, 'node_modules', OUR_SCOPE), { recursive: true })
  for (const name of readdirSync(modules)) {
    if (name !== OUR_SCOPE) symlinkSync(join(modules, name), join(copy, 'node_modules', name))
  }
  for (const name of packages) symlinkSync(join(copy, name), join(copy, 'node_modules', OUR_SCOPE, name))
}

const compiledPath = (copy: string, file: string): string =>
  join(copy, file.replace('/src/', '/dist/').replace(/\.ts$/, '.js'))

/** As the build would make it, types unchecked: a mistake need not be a well-typed one. */
const compiled = (text: string): string =>
  ts.transpileModule(text, { compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext } })
    .outputText

interface Found {
  readonly violations: number
  readonly words: unknown
}

async function violationsOf(copy: string, rig: string): Promise<Found> {
  const { line, words } = await runRig(rig, false, copy)
  invariant(line?.violations !== undefined, `${rig} on the copy gave no result: ${line?.skipped ?? words.slice(-300)}`)
  return { violations: line.violations, words: line.notes.findings ?? line.notes.problems }
}

function failuresOf(copy: string, suite: string): Found {
  const results = runSuites([suite], { project: copy })
  const failed = results.flatMap((each) => each.failed)
  invariant(
    results.some(({ tests }) => tests > 0),
    `${suite} on the copy ran no test`,
  )
  return { violations: failed.length, words: failed.slice(0, 3) }
}
