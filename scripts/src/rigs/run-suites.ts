import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { invariant, parseJson } from '@metergate/protocol'
import { z } from 'zod'
import { rootFolder } from '../root.js'

const resultsSchema = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(z.object({ status: z.string(), fullName: z.string() })),
    }),
  ),
})

/** What became of one test file. */
export interface SuiteResult {
  /** Relative to the project. */
  readonly file: string
  /** All of it ran and held. */
  readonly passed: boolean
  readonly tests: number
  /** Full names of the tests that failed. */
  readonly failed: readonly string[]
}

/** Runs test files of a project. Throws with vitest's words when it left no results. */
export function runSuites(
  files: readonly string[],
  { project = rootFolder(), env = process.env }: { readonly project?: string; readonly env?: NodeJS.ProcessEnv } = {},
): readonly SuiteResult[] {
  // Where the reporter of vitest.config.ts writes, whatever the command line asks for.
  const output = join(project, '.vitest/results.json')
  rmSync(output, { force: true })
  const vitest = join(dirname(fileURLToPath(import.meta.resolve('vitest/package.json'))), 'vitest.mjs')
  const { stderr } = spawnSync(process.execPath, [vitest, 'run', ...files], { cwd: project, env, encoding: 'utf8' })
  invariant(existsSync(output), `${files.join(', ')} did not run: ${stderr.slice(-300)}`)
  const { testResults } = resultsSchema.parse(parseJson(readFileSync(output, 'utf8')))
  return testResults.map(({ name, status, assertionResults }) => ({
    file: name.slice(project.length + 1),
    passed: status === 'passed',
    tests: assertionResults.length,
    failed: assertionResults.filter((each) => each.status === 'failed').map(({ fullName }) => fullName),
  }))
}
