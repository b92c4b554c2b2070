/**
 * `npm run world -- --seed N --runs M [--verbose]`: worlds N, N+1, …, each a gateway, its meters and its cloud in one
 * process on virtual time, with faults drawn from the seed and an oracle. Seeds that once failed run first; new ones are
 * kept in `simulator/seeds.txt`. `--bug NAME` plants a mistake; `--workers N`: processes side by side.
 * Exit code 1 when a promise was broken.
 */
import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { PLANTED_BUGS, type PlantedBug } from './bugs.js'
import { faultCountsSchema, sumOf } from './provoked.js'
import { keepSeed, knownSeeds } from './seeds.js'
import { runWorld } from './world.js'

const count = z.coerce.number().int().min(0)
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '1' },
    workers: { type: 'string', default: String(Math.min(8, availableParallelism())) },
    bug: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    /** Runs what its parent asks for, one after the other, and reports to it. */
    worker: { type: 'boolean', default: false },
  },
})
const bug = values.bug === undefined ? undefined : z.enum(PLANTED_BUGS).parse(values.bug)

/**
 * A world runs most code a few hundred times: compiled simply and at once it takes an eighth less than interpreted first. It leaves
 * little behind, but what lives until its end is copied less often when there is room for new objects: a sixth less again.
 */
const WORKER_FLAGS = ['--always-sparkplug', '--max-semi-space-size=64'] as const

const resultSchema = z.object({
  seed: z.number(),
  violations: z.array(z.object({ invariantName: z.string(), what: z.string() })),
  trace: z.string(),
  told: z.number(),
  boots: z.number(),
  batches: z.number(),
  provoked: faultCountsSchema,
})
type Result = z.infer<typeof resultSchema>

if (values.worker) work(bug)
else await lead()

function work(planted: PlantedBug | undefined): void {
  process.on('message', async (seed) => process.send?.(await one(z.number().parse(seed), planted)))
}

async function one(seed: number, planted: PlantedBug | undefined): Promise<Result> {
  const onLine = values.verbose ? (line: string): void => void process.stdout.write(`${seed}  ${line}\n`) : undefined
  try {
    const outcome = await runWorld({ seed, ...(planted ? { bug: planted } : {}), ...(onLine ? { onLine } : {}) })
    return { ...outcome, violations: [...outcome.violations] }
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return {
      seed,
      violations: [{ invariantName: 'thrown', what }],
      trace: '',
      told: 0,
      boots: 0,
      batches: 0,
      provoked: {},
    }
  }
}

async function lead(): Promise<void> {
  const first = count.parse(values.seed)
  const runs = count.parse(values.runs)
  const wanted = Array.from({ length: runs }, (_, index) => first + index)
  const seeds = runs > 1 && !bug ? [...new Set([...knownSeeds(), ...wanted])] : wanted
  const workers = Math.max(1, Math.min(count.parse(values.workers), seeds.length))
  const begun = process.hrtime.bigint()
  const results: Result[] = []
  const take = (result: Result): void => {
    results.push(result)
    report(result)
    // A long run says now and then how far it has come.
    if (seeds.length > 1_000 && results.length % 100 === 0) process.stdout.write(`${results.length} worlds ran\n`)
  }
  if (seeds.length === 1 || values.verbose) for (const seed of seeds) take(await one(seed, bug))
  else await delegate(seeds, workers, take)
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9
  const bad = results.filter(({ violations }) => violations.length > 0)
  const sum = (of: (result: Result) => number): number => results.reduce((total, each) => total + of(each), 0)
  const figures = {
    worlds: results.length,
    violated: bad.length,
    seconds: Math.round(seconds * 10) / 10,
    workers,
    records: sum(({ told }) => told),
    boots: sum(({ boots }) => boots),
    batches: sum(({ batches }) => batches),
    provoked: sumOf(results.map(({ provoked }) => provoked)),
  }
  process.stdout.write(`${JSON.stringify(figures)}\n`)
  if (results.length < seeds.length) process.stdout.write(`${seeds.length - results.length} worlds did not end\n`)
  process.exitCode = bad.length > 0 || results.length < seeds.length ? 1 : 0
}

function report({ seed, violations, trace }: Result): void {
  if (values.verbose) process.stdout.write(`${seed} trace ${trace}\n`)
  if (violations.length === 0) return
  for (const { invariantName, what } of violations) process.stdout.write(`seed ${seed}: ${invariantName} ${what}\n`)
  const [worst] = violations
  if (worst && !bug) keepSeed(seed, `${worst.invariantName} ${worst.what}`)
}

/** Each worker gets its next seed with its last result: a world of hours takes as long as six others. */
async function delegate(seeds: readonly number[], workers: number, take: (result: Result) => void): Promise<void> {
  const waiting = seeds.values()
  const args = ['--worker', ...(bug ? ['--bug', bug] : [])]
  const begin = (): Promise<void> => {
    const child = fork(fileURLToPath(import.meta.url), args, { execArgv: [...WORKER_FLAGS] })
    const next = (): void => {
      const { done, value } = waiting.next()
      if (done) child.disconnect()
      else child.send(value)
    }
    child.on('message', (message) => {
      take(resultSchema.parse(message))
      next()
    })
    next()
    return new Promise((resolve) => child.on('exit', () => resolve()))
  }
  await Promise.all(Array.from({ length: workers }, begin))
}
