import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  CloudHttp,
  createKey,
  DiskKeyFile,
  enrol,
  loadOrCreateKey,
  parseCloudUrl,
  SystemClock,
  SystemRandom,
} from '@metergate/agent'
import { type GatewayId, invariant, type ReconcileAnswer, reconcileAnswerSchema } from '@metergate/protocol'
import { LineChild } from '@metergate/simulator'
import { benchPlant } from '../bench/bus-case.js'
import { freePort } from '../demo/stack.js'
import { PROGRAMS, Program, run } from '../system/program.js'
import { pause } from './writer-process.js'

/** The real cloud as a process of its own, on SQLite. */
export class CloudBox {
  private program: Program | undefined
  url = ''
  port = 0
  private token = ''

  constructor(private readonly folder: string) {}

  async start(): Promise<void> {
    if (this.port === 0) this.port = await freePort(0)
    this.url = `http://127.0.0.1:${this.port}`
    const data = ['--data-dir', this.folder, '--log-level', 'warn']
    this.program = new Program('cloud', ['serve', '--port', String(this.port), ...data])
    await this.program.says('listens on')
    if (this.token === '')
      this.token = lastWord((await run('cloud', ['token', 'create', '--name', 'rig', '--data-dir', this.folder])).out)
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.program?.end(signal)
    this.program = undefined
  }

  async invite(): Promise<string> {
    return lastWord((await run('cloud', ['gateway', 'invite', '--name', 'Rig', '--data-dir', this.folder])).out)
  }

  /** Enrols the key of a data folder; directly, without whatever stands between gateway and cloud later. */
  async enrol(folder: string): Promise<GatewayId> {
    mkdirSync(folder, { recursive: true })
    const url = parseCloudUrl(this.url)
    const key = loadOrCreateKey(new DiskKeyFile(join(folder, 'key.pem')), new SystemRandom())
    invariant(url.ok && key.ok, 'address and key')
    const answer = await enrol(new CloudHttp(url.value, new SystemClock()), key.value, {
      code: await this.invite(),
      software: 'metergate/rig',
    })
    invariant(answer.ok, 'enrolled')
    return answer.value.gateway_id
  }

  async reconcile(gateway: string): Promise<ReconcileAnswer> {
    const answer = await fetch(`${this.url}/v1/gateways/${gateway}/reconcile`, {
      headers: { authorization: `Bearer ${this.token}` },
    })
    return reconcileAnswerSchema.parse(await answer.json())
  }
}

const lastWord = (text: string): string => text.trim().split(/\s+/).at(-1) ?? ''
export const freshKey = () => createKey(new SystemRandom())

/** The real daemon on a paced pty with a few meters, started as often as a rig needs it. */
export class AgentBox {
  readonly data: string
  private readonly line: LineChild
  /** Asked at once: the line says only one time that it is ready. */
  private readonly ready: ReturnType<LineChild['ready']>

  constructor(
    private readonly folder: string,
    private readonly meters = 2,
  ) {
    this.data = join(folder, 'data')
    const plant = join(folder, 'plant.json')
    writeFileSync(plant, JSON.stringify(benchPlant(meters)))
    this.line = new LineChild(['--plant', plant])
    this.ready = this.line.ready()
  }

  /** Writes the configuration: every quantity each `pollSeconds`, committed each second. */
  async configure(cloud?: string, pollSeconds = 1): Promise<void> {
    const { path } = await this.ready
    const lines = benchPlant(this.meters).meters.map(
      ({ id, profile, unit, ct }) =>
        `  - { id: ${id}, line: line-1, profile: ${profile}, unit: ${unit}, ct: ${ct}, poll: { power: ${pollSeconds}s, energy: ${pollSeconds}s } }`,
    )
    const sync = cloud === undefined ? '' : `sync:\n  cloud: ${cloud}\n  every: 1s\n`
    const store = `store:\n  folder: ${this.data}\n  commit_window: 1s\n`
    const line = `lines:\n  - { id: line-1, port: ${path}, baud: 9600, format: 8N1 }\n`
    writeFileSync(this.config, `${line}meters:\n${lines.join('\n')}\n${store}${sync}`)
  }

  get config(): string {
    return join(this.folder, 'metergate.yaml')
  }

  /** Starts it, perhaps under another command or with a library put before it. */
  start(prefix: readonly string[] = [], env: Readonly<Record<string, string>> = {}): AgentProcess {
    return new AgentProcess(prefix, { ...env, METERGATE_CONFIG: this.config })
  }

  async enrol(code: string): Promise<string> {
    const {
      code: ended,
      out,
      err,
    } = await run('metergate', ['enrol', code, '--json'], { METERGATE_CONFIG: this.config })
    invariant(ended === 0, `enrol: ${err}`)
    const match = /"gateway":\s*"([^"]+)"/.exec(out)
    invariant(match?.[1], `enrol said ${out}`)
    return match[1]
  }

  /** Waits until the running daemon says that it has stored so many readings; however busy the machine is. */
  async hasStored(readings: number, withinMs = 60_000): Promise<void> {
    const deadline = Date.now() + withinMs
    for (;;) {
      const { out, err } = await run('metergate', ['status', '--json'], { METERGATE_CONFIG: this.config })
      const stored = Number(/"stored":\s*(\d+)/.exec(out)?.[1] ?? 0)
      if (stored >= readings) return
      invariant(
        Date.now() < deadline,
        `${readings} readings stored within ${withinMs} ms: ${(out + err).slice(0, 300)}`,
      )
      await pause(200)
    }
  }

  async close(): Promise<void> {
    await this.line.stop()
  }
}

export class AgentProcess {
  output = ''
  private readonly child: ChildProcess

  constructor(prefix: readonly string[], env: Readonly<Record<string, string>>) {
    const [command = process.execPath, ...rest] = [...prefix, process.execPath, PROGRAMS.metergate, 'run']
    this.child = spawn(command, rest, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text
      })
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }

  async says(text: string, withinMs = 30_000): Promise<void> {
    for (let waited = 0; !this.output.includes(text); waited += 20) {
      if (this.hasEnded || waited > withinMs)
        throw new Error(`metergate did not say "${text}": ${this.output.slice(-800)}`)
      await pause(20)
    }
  }

  /** Sends the signal and waits for the end: exit code (null when a signal ended it) and how long it took. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<{ readonly code: number | null; readonly ms: number }> {
    const begun = process.hrtime.bigint()
    this.child.kill(signal)
    return { code: await this.ended(), ms: Number((process.hrtime.bigint() - begun) / 1_000_000n) }
  }

  async ended(): Promise<number | null> {
    if (!this.hasEnded) await once(this.child, 'close')
    return this.child.exitCode
  }
}
