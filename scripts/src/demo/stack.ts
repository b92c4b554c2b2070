import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { DemoPlantOptions } from '@metergate/simulator'
import { z } from 'zod'
import { rootFolder } from '../root.js'
import { Child, runToEnd } from './child.js'
import type { DemoFiles } from './plant.js'

const root = rootFolder()
const AGENT = join(root, 'agent/bin/metergate.js')
const CLOUD = join(root, 'cloud-api/bin/metergate-cloud.js')
const SIMULATOR = join(root, 'simulator/bin/metergate-sim.js')

/** A fresh folder for everything the demo writes. */
export function freshFiles(): DemoFiles {
  const folder = join(root, '.demo')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return {
    folder,
    config: join(folder, 'metergate.yaml'),
    agentData: join(folder, 'agent'),
    cloudData: join(folder, 'cloud'),
    link: join(folder, 'line-1'),
  }
}

/** The wanted port, or any free one when it is taken. */
export function freePort(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error) =>
      'code' in error && error.code === 'EADDRINUSE' ? resolve(freePort(0)) : reject(error),
    )
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port')),
      )
    })
  })
}

const answerEvent = z.object({ event: z.literal('answer'), meter: z.string().nullable(), epoch_ms: z.number() })

/** When each meter answered, as the simulator saw it: the instants at which truth is compared. */
export class AnswerTimes {
  readonly #times = new Map<string, number[]>()

  note(line: string): void {
    if (!line.includes('"answer"')) return
    const parsed = answerEvent.safeParse(JSON.parse(line))
    if (!parsed.success || parsed.data.meter === null) return
    const times = this.#times.get(parsed.data.meter) ?? []
    times.push(parsed.data.epoch_ms)
    this.#times.set(parsed.data.meter, times)
  }

  /** The answer that a block received at `at` came from: the last one begun before it. */
  before(meter: string, at: number): number | undefined {
    return this.#times.get(meter)?.findLast((time) => time <= at)
  }
}

export async function startLine(
  files: DemoFiles,
  { seed, shifts }: { readonly seed: number; readonly shifts: NonNullable<DemoPlantOptions['shifts']> },
  answers: AnswerTimes,
): Promise<Child> {
  const plant = ['--seed', String(seed), '--shifts', shifts]
  const child = new Child({
    name: 'metergate-sim',
    script: SIMULATOR,
    args: ['line', '--json', ...plant, '--link', files.link, '--log-answers', '--exit-with-input'],
    logFile: join(files.folder, 'simulator.log'),
  })
  child.onLine((line) => answers.note(line))
  await child.waitFor((line) => (line.includes('"ready"') ? true : undefined))
  return child
}

export async function startCloud(files: DemoFiles, port: number): Promise<Child> {
  const child = new Child({
    name: 'metergate-cloud',
    script: CLOUD,
    args: ['serve', '--data-dir', files.cloudData, '--port', String(port), '--log-level', 'warn'],
    logFile: join(files.folder, 'cloud.log'),
  })
  await child.waitFor((line) => (line.includes('listens on') ? true : undefined))
  return child
}

export async function inviteAndToken(files: DemoFiles): Promise<{ readonly code: string; readonly token: string }> {
  const run = (name: string, args: readonly string[]) =>
    runToEnd({
      name,
      script: CLOUD,
      args: [...args, '--data-dir', files.cloudData],
      logFile: join(files.folder, 'cloud.log'),
    })
  const invited = await run('metergate-cloud gateway invite', ['gateway', 'invite', '--name', 'Demo'])
  const created = await run('metergate-cloud token create', ['token', 'create', '--name', 'demo'])
  return { code: lastWord(invited), token: lastWord(created) }
}

const lastWord = (text: string): string => text.trim().split(/\s+/).at(-1) ?? ''

/** Enrols and returns the gateway's id. */
export async function enrolAgent(files: DemoFiles, code: string): Promise<string> {
  const printed = await runToEnd({
    name: 'metergate enrol',
    script: AGENT,
    args: ['enrol', code, '--json'],
    env: { METERGATE_CONFIG: files.config },
    logFile: join(files.folder, 'agent.log'),
  })
  return z.object({ gateway: z.string() }).parse(JSON.parse(printed)).gateway
}

export async function startAgent(files: DemoFiles): Promise<Child> {
  const child = new Child({
    name: 'metergate',
    script: AGENT,
    args: ['run'],
    env: { METERGATE_CONFIG: files.config },
    logFile: join(files.folder, 'agent.log'),
  })
  await child.waitFor((line) => (line.includes('metergate runs') ? true : undefined))
  return child
}

export function writeConfig(files: DemoFiles, text: string): void {
  writeFileSync(files.config, text)
}
