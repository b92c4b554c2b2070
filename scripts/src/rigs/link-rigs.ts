import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { CloudHttp, HttpUplink, parseCloudUrl, type SealedBatch, SystemClock } from '@metergate/agent'
import {
  batchNumberSchema,
  durationMs,
  gatewayIdSchema,
  invariant,
  type StreamKind,
  seqSchema,
  sha256Hex,
  streamIdSchema,
} from '@metergate/protocol'
import { z } from 'zod'
import { rootFolder } from '../root.js'
import { FaultProxy } from './fault-proxy.js'
import { CloudBox, freshKey } from './programs.js'
import { Findings, inFolder, type RigResult, run } from './rig.js'
import { pause } from './writer-process.js'

const AGENT = join(rootFolder(), 'scripts/dist/rigs/link-agent.js')

const stateSchema = z.object({
  ms: z.number(),
  pending: z.number(),
  fresh: z.number(),
  slowestMs: z.number(),
  counters: z.object({ sent: z.number(), acknowledged: z.number() }),
  rss: z.number(),
  fds: z.number(),
})
const endSchema = stateSchema.extend({
  drained: z.boolean(),
  records: z.array(z.object({ kind: z.enum(['detail', 'ledger']), lastSeq: z.number() })),
})
type LinkState = z.infer<typeof stateSchema>

/** The gateway's end of the link in a process of its own, with every state it has told. */
class LinkAgent {
  readonly states: LinkState[] = []
  filled = 0
  last: z.infer<typeof endSchema> | undefined
  private readonly child: ChildProcess
  readonly ended: Promise<void>
  private words = ''

  constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, [AGENT, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.child.stderr?.on('data', (text) => {
      this.words += String(text)
    })
    const { stdout } = this.child
    invariant(stdout, 'its output is piped')
    createInterface({ input: stdout }).on('line', (line) => this.note(line))
    this.ended = new Promise((resolve) => this.child.once('close', () => resolve()))
  }

  stop(): void {
    this.child.kill('SIGKILL')
  }

  get why(): string {
    return this.words.slice(-500)
  }

  private note(line: string): void {
    const value: unknown = JSON.parse(line)
    const filled = z.object({ filled: z.number() }).safeParse(value)
    if (filled.success) this.filled = filled.data.filled
    const end = endSchema.safeParse(value)
    if (end.success) this.last = end.data
    const state = stateSchema.safeParse(value)
    if (state.success) this.states.push(state.data)
  }
}

interface Link {
  /** Minutes of backlog, and pauses between rounds of fresh readings. */
  readonly rounds: number
  readonly freshMs: number
  readonly everyMs: number
  readonly leastMs: number
  readonly believes?: boolean
  readonly limitMs: number
  /** Called at the start and then each second with the time since, to set the proxy's faults. */
  readonly weather: (proxy: FaultProxy, ms: number) => void
}

interface Drained {
  readonly agent: LinkAgent
  readonly proxy: FaultProxy
  readonly cloudDetail: number
}

/** A backlog and fresh readings through a proxy to the real cloud until nothing is left; I1 to I3 into `found`. */
function drain(link: Link, found: Findings): Promise<Drained> {
  return inFolder(async (folder) => {
    const cloud = new CloudBox(join(folder, 'cloud'))
    await cloud.start()
    const data = join(folder, 'agent')
    const gateway = await cloud.enrol(data)
    const proxy = new FaultProxy(cloud.port)
    const port = await proxy.start()
    const agent = new LinkAgent([
      ...['--folder', data, '--gateway', gateway, '--cloud', `http://127.0.0.1:${port}`],
      ...['--rounds', String(link.rounds), '--fresh-ms', String(link.freshMs)],
      ...['--every-ms', String(link.everyMs), '--least-ms', String(link.leastMs)],
      ...(link.believes ? ['--believes'] : []),
    ])
    try {
      const begun = Date.now()
      let isOver = false
      void agent.ended.then(() => {
        isOver = true
      })
      while (!isOver && Date.now() - begun < link.limitMs) {
        link.weather(proxy, agent.states.at(-1)?.ms ?? 0)
        await pause(250)
      }
      agent.stop()
      const { streams } = await cloud.reconcile(gateway)
      const detail = streams.filter(({ kind }) => kind === 'detail')
      const inCloud = detail.reduce((sum, each) => sum + each.records, 0)
      const made = agent.last?.records
        .filter(({ kind }) => kind === 'detail')
        .reduce((sum, each) => sum + each.lastSeq, 0)
      found.expect(
        agent.last?.drained === true,
        () => `not drained: ${JSON.stringify(agent.states.at(-1))} ${agent.why}`,
      )
      found.expect(inCloud === made, () => `the cloud has ${inCloud} of ${made} readings`)
      for (const each of detail)
        found.expect(each.conflicts === 0 && each.chain_broken === 0 && each.rejected_records === 0, () =>
          JSON.stringify(each),
        )
      return { agent, proxy, cloudDetail: inCloud }
    } finally {
      await proxy.stop()
      await cloud.stop('SIGKILL')
    }
  })
}

/** Every answer is lost for a while, then three in ten: nothing twice, no storm of requests, drained in the end. */
export async function lostAnswers(seconds: number): Promise<RigResult> {
  const found = new Findings()
  let sentBlind = 0
  const { agent, cloudDetail } = await drain(
    {
      rounds: 120,
      freshMs: 1000,
      everyMs: 1000,
      leastMs: seconds * 2000,
      limitMs: seconds * 2000 + 240_000,
      weather: (proxy, ms) => {
        const isBlind = ms < seconds * 1000
        proxy.faults.loseAnswers = isBlind ? 1 : ms < seconds * 2000 ? 0.3 : 0
        if (isBlind) sentBlind = proxy.connections
      },
    },
    found,
  )
  // Back-off: after the first tries a few a minute (with the heartbeats), not one a second.
  const most = 20 + seconds / 5
  found.expect(sentBlind <= most, () => `${sentBlind} requests in ${seconds} s without an answer`)
  const notes = { seconds, sentBlind, cloudDetail, counters: agent.last?.counters, problems: found.words }
  return { rig: 'lost-answers', runs: 1, violations: found.count, notes }
}

/** The control: a gateway that takes whatever it sent for acknowledged, while at first no request arrives whole. */
export async function believedLink(): Promise<RigResult> {
  const found = new Findings()
  const weather = (proxy: FaultProxy, ms: number): void => {
    proxy.faults.reset = ms < 2000 ? 1 : 0
  }
  await drain(
    { rounds: 120, freshMs: 500, everyMs: 1000, leastMs: 3000, limitMs: 60_000, believes: true, weather },
    found,
  )
  return { rig: 'believed-link', runs: 1, violations: found.count, notes: { problems: found.words } }
}

/** What a slow line carries: bytes of batches acknowledged a second while there is a backlog. */
function goodput(
  states: readonly LinkState[],
  filled: number,
): { readonly bytesPerSecond: number; readonly seconds: number } {
  const tail = Math.min(16_384, filled / 4)
  const end = states.find(({ pending }) => pending <= tail) ?? states.at(-1)
  const seconds = (end?.ms ?? 0) / 1000
  return { bytesPerSecond: Math.round((filled - (end?.pending ?? 0)) / seconds), seconds: Math.round(seconds) }
}

/**
 * 64 kbit/s by the kernel's own shaper (on the loopback of a network namespace, where each byte passes twice: to the
 * proxy and on to the cloud), with the proxy's delay and resets on top.
 */
export async function badLink(options: {
  readonly name: string
  readonly rounds: number
  readonly freshMs: number
  readonly everyMs: number
  readonly delayMs: number
  readonly reset: number
  readonly limitMs: number
  readonly leastShare: number
  readonly freshWithinMs: number
}): Promise<RigResult> {
  run('ip', 'link', 'set', 'lo', 'mtu', '1500', 'up')
  run('tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'tbf', 'rate', '128kbit', 'burst', '3200', 'latency', '400ms')
  const found = new Findings()
  const { rounds, freshMs, everyMs, limitMs } = options
  const { agent } = await drain(
    {
      ...{ rounds, freshMs, everyMs, limitMs, leastMs: 0 },
      weather: ({ faults }) => {
        faults.delayMs = options.delayMs
        faults.reset = options.reset
      },
    },
    found,
  )
  const { bytesPerSecond, seconds } = goodput(agent.states, agent.filled)
  const share = bytesPerSecond / 8000
  const slowest = Math.max(0, ...agent.states.map(({ slowestMs }) => slowestMs))
  found.expect(share >= options.leastShare, () => `${bytesPerSecond} bytes/s of 8000`)
  found.expect(slowest <= options.freshWithinMs, () => `a fresh reading took ${slowest} ms`)
  const rss = Math.max(0, ...agent.states.map((each) => each.rss))
  const notes = {
    ...{ backlogBytes: agent.filled, seconds, bytesPerSecond, shareOfLink: Math.round(share * 100) / 100 },
    ...{ slowestFreshMs: slowest, fresh: agent.states.at(-1)?.fresh, rssMiB: rss, problems: found.words },
  }
  return { rig: options.name, runs: 1, violations: found.count, notes }
}

const SICK: Readonly<Record<string, (socket: Socket) => void>> = {
  'accepts and hangs': (socket) => void socket.resume(),
  'a byte a second': (socket) => {
    socket.resume()
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n')
    const drip = setInterval(() => socket.write('x'), 1000)
    socket.on('close', () => clearInterval(drip))
  },
  'resets in mid-body': (socket) => void socket.once('data', () => socket.resetAndDestroy()),
  'closes at once': (socket) => void socket.destroy(),
  'half an answer': (socket) =>
    void socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{')),
  rubbish: (socket) => void socket.once('data', () => socket.end('\u0000\u0001 garbage\r\n\r\n')),
  'endless headers': (socket) => {
    socket.resume()
    const more = setInterval(() => socket.write(`x-${'a'.repeat(400)}: ${'b'.repeat(400)}\r\n`), 5)
    socket.write('HTTP/1.1 200 OK\r\n')
    socket.on('close', () => clearInterval(more))
  },
}

/** Peers that are sick: each attempt ends in its time-out, and no socket, timer or descriptor is left behind. */
export async function sickPeers(cycles: number, timeoutMs: number, uplinkTimeoutMs = timeoutMs): Promise<RigResult> {
  const found = new Findings()
  const servers: Server[] = []
  const clock = new SystemClock()
  const key = freshKey()
  const uplinks: [string, HttpUplink][] = []
  for (const [name, treat] of Object.entries(SICK)) {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy())
      treat(socket)
    })
    servers.push(server)
    uplinks.push([name, uplinkTo(`http://127.0.0.1:${await listen(server)}`, clock, key, uplinkTimeoutMs)])
  }
  uplinks.push(['no such host', uplinkTo('https://metergate.invalid', clock, key, uplinkTimeoutMs)])
  const batch = someBatch()
  const descriptors = (): number => readdirSync('/proc/self/fd').length
  for (const [, uplink] of uplinks) await uplink.send(batch)
  const before = descriptors()
  let slowest = 0
  for (let cycle = 0; cycle < cycles; cycle += uplinks.length) {
    await Promise.all(
      uplinks.map(async ([name, uplink]) => {
        const begun = clock.mono()
        const outcome = await uplink.send(batch)
        const ms = clock.mono() - begun
        slowest = Math.max(slowest, ms)
        found.expect(!outcome.ok, () => `${name}: believed`)
        found.expect(ms <= timeoutMs + 2000, () => `${name}: ${Math.round(ms)} ms`)
      }),
    )
  }
  await pause(500)
  const grown = descriptors() - before
  found.expect(grown <= 4, () => `${grown} descriptors more than before`)
  for (const server of servers) server.close()
  const notes = { kinds: uplinks.length, timeoutMs, slowestMs: Math.round(slowest), grown, problems: found.words }
  return { rig: 'sick-peers', runs: cycles, violations: found.count, notes }
}

function uplinkTo(
  address: string,
  clock: SystemClock,
  key: ReturnType<typeof freshKey>,
  timeoutMs: number,
): HttpUplink {
  const url = parseCloudUrl(address)
  invariant(url.ok, address)
  const gateway = gatewayIdSchema.parse('gw-0123456789')
  return new HttpUplink(new CloudHttp(url.value, clock), { gateway, key, clock, timeout: durationMs(timeoutMs) })
}

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : 0)
    }),
  )

function someBatch(): SealedBatch {
  const body = Buffer.alloc(60_000, 7)
  const streamKind: StreamKind = 'detail'
  return {
    streamKind,
    stream: streamIdSchema.parse('0123456789abcdef0123456789abcdef'),
    number: batchNumberSchema.parse(1),
    first: seqSchema.parse(1),
    last: seqSchema.parse(1),
    sha256: sha256Hex(body),
    encoding: 'br',
    body,
    decodedSize: body.length,
  }
}
