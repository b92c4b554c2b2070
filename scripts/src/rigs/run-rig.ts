import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parseJson } from '@metergate/protocol'
import { z } from 'zod'
import { rootFolder } from '../root.js'

/** All rigs by name: `node scripts/dist/rigs/main.js RIG [--long]`. */
const MAIN = 'scripts/dist/rigs/main.js'
/** What a rig may print, with the words of what it found. */
const MOST_OUTPUT = 64 * 1024 * 1024

const rigLineSchema = z.object({
  rig: z.string(),
  skipped: z.string().optional(),
  runs: z.number().optional(),
  violations: z.number().optional(),
  good: z.boolean().optional(),
  notes: z.record(z.string(), z.unknown()).default({}),
})
/** The line of JSON with which a rig ends. */
export type RigLine = z.infer<typeof rigLineSchema>

const outputSchema = z.object({ stdout: z.string(), stderr: z.string() })

/** Runs one rig of a project in a process of its own; without a line when it broke off, which its words tell. */
export async function runRig(
  name: string,
  long: boolean,
  project = rootFolder(),
): Promise<{ readonly line?: RigLine; readonly words: string }> {
  const args = [join(project, MAIN), name, ...(long ? ['--long'] : [])]
  // It ends with 1 when it found something, which its last line says.
  const ended: unknown = await promisify(execFile)(process.execPath, args, { maxBuffer: MOST_OUTPUT }).catch(
    (error: unknown) => error,
  )
  const output = outputSchema.safeParse(ended)
  const { stdout, stderr } = output.success ? output.data : { stdout: '', stderr: String(ended) }
  const line = rigLineSchema.safeParse(parseJson(stdout.trim().split('\n').at(-1) ?? ''))
  return { ...(line.success ? { line: line.data } : {}), words: stderr }
}
