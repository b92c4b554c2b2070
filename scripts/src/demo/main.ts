/**
 * `npm run demo`: a simulated plant on a real serial line (a pty), the agent, the cloud on SQLite, and a page to look at.
 * Each program runs in a process of its own, as it would in the plant.
 */
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { controlSocketPath } from '@metergate/agent'
import { gatewayIdSchema } from '@metergate/protocol'
import { demoPlant } from '@metergate/simulator'
import type { Child } from './child.js'
import { liveLine, snapshotOf } from './live-view.js'
import { type DemoOptions, parseOptions } from './options.js'
import { type DemoFiles, demoConfig } from './plant.js'
import { reconcile } from './reconcile.js'
import { reportText } from './report.js'
import {
  AnswerTimes,
  enrolAgent,
  freePort,
  freshFiles,
  inviteAndToken,
  startAgent,
  startCloud,
  startLine,
  writeConfig,
} from './stack.js'
import { fillHistory } from './virtual-history.js'

const SETTLE_LIMIT_MS = 120_000

/** A line that a terminal overwrites; a pipe gets one now and then. */
class Status {
  readonly #isTerminal = process.stdout.isTTY === true
  #lastAt = 0

  show(text: string): void {
    if (this.#isTerminal) {
      const width = process.stdout.columns ?? 100
      process.stdout.write(`\r\x1b[2K${text.slice(0, width - 1)}`)
    } else if (Date.now() - this.#lastAt >= 10_000) {
      this.#lastAt = Date.now()
      process.stdout.write(`${text}\n`)
    }
  }

  end(): void {
    if (this.#isTerminal) process.stdout.write('\n')
  }
}

const status = new Status()
const say = (text: string): void => {
  status.end()
  process.stdout.write(`${text}\n`)
}

async function main(options: DemoOptions): Promise<number> {
  const files = freshFiles()
  const port = await freePort(options.port)
  const cloudUrl = `http://127.0.0.1:${port}`
  // A week has its meals and Sundays; a short run has pairs to show at whatever hour it is started.
  const shifts = options.historyMs ? 'double' : 'continuous'
  const spec = demoPlant(options.seed, { shifts })
  const answers = new AnswerTimes()
  const children: Child[] = []
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stopping.abort())
  try {
    let cloud = await startCloud(files, port)
    children.push(cloud)
    const { code, token } = await inviteAndToken(files)
    writeConfig(files, demoConfig(spec, files, cloudUrl, options.historyMs ? '60s' : '10s'))
    const gateway = gatewayIdSchema.parse(await enrolAgent(files, code))
    const takenBefore = options.historyMs ? await history(files, spec, gateway, options.historyMs) : 0
    children.push(await startLine(files, { seed: options.seed, shifts }, answers))
    const agent = await startAgent(files)
    children.push(agent)
    const finished = agentCounts(agent)
    announce(cloudUrl, token, files, options)

    const startedAt = Date.now()
    const outage = options.outageMs ? outagePlan(options.forMs, options.outageMs) : undefined
    let isDown = false
    while (!stopping.signal.aborted && (options.forMs === undefined || Date.now() - startedAt < options.forMs)) {
      await pause(1_000, stopping.signal)
      const elapsed = Date.now() - startedAt
      if (outage && !isDown && elapsed >= outage.from && elapsed < outage.until) {
        say(`… the cloud is stopped for ${Math.round((outage.until - outage.from) / 1000)} s`)
        await cloud.stop()
        isDown = true
      } else if (outage && isDown && elapsed >= outage.until) {
        cloud = await startCloud(files, port)
        children.push(cloud)
        isDown = false
        say('… the cloud is back')
      }
      await showLive(files, options)
    }
    if (isDown) children.push(await startCloud(files, port))
    await drained(files, options, stopping.signal)
    say('… stopping the agent')
    const exit = await agent.stop()
    const { taken } = await finished
    const result = await reconcile({ files, spec, cloud: cloudUrl, token, gateway, answers, taken, takenBefore })
    process.stdout.write(reportText(result, options.language))
    if (exit !== 0) process.stdout.write(`the agent ended with ${exit}; see ${join(files.folder, 'agent.log')}\n`)
    return result.problems.length === 0 && exit === 0 ? 0 : 1
  } finally {
    await Promise.all(children.map((child) => child.stop()))
  }
}

const ANNOUNCED = {
  en: {
    plant: (link: string, folder: string) =>
      `4 meters and 1 product counter on ${link}, 9600 8N1; logs and stores are in ${folder}`,
    end: 'Ctrl-C ends it with the reconciliation table.',
  },
  zh: {
    plant: (link: string, folder: string) => `${link} 上有 4 块电表和 1 个产量计数器，9600 8N1；日志和数据在 ${folder}`,
    end: '按 Ctrl-C 结束，并打印对账表。',
  },
} as const

function announce(cloudUrl: string, token: string, files: DemoFiles, { language, forMs }: DemoOptions): void {
  const words = ANNOUNCED[language]
  const end = forMs === undefined ? `\n  ${words.end}\n` : ''
  say(`\n  ${cloudUrl}/#token=${token}\n\n  ${words.plant(files.link, files.folder)}\n${end}`)
}

async function history(
  files: DemoFiles,
  spec: ReturnType<typeof demoPlant>,
  gateway: ReturnType<typeof gatewayIdSchema.parse>,
  lengthMs: number,
) {
  // Up to the minute that is running, so that the live run goes on where history ends.
  const untilMs = Math.floor(Date.now() / 60_000) * 60_000
  const begun = Date.now()
  const { readings } = await fillHistory({
    files,
    spec,
    gateway,
    fromMs: untilMs - lengthMs,
    untilMs,
    onProgress: (share) => status.show(`… filling history in virtual time: ${Math.round(share * 100)} %`),
  })
  say(`… ${readings} readings of history in ${Math.round((Date.now() - begun) / 1000)} s, waiting to be uploaded`)
  return readings
}

/** The outage lies in the middle; without an end of the run it starts after half a minute. */
function outagePlan(forMs: number | undefined, outageMs: number): { readonly from: number; readonly until: number } {
  const from = forMs === undefined ? 30_000 : Math.max(15_000, (forMs - outageMs) / 2)
  return { from, until: from + outageMs }
}

async function showLive(files: DemoFiles, options: DemoOptions): Promise<void> {
  const snapshot = await snapshotOf(controlSocketPath(files.agentData))
  if (snapshot) status.show(liveLine(snapshot, options.language))
}

/** Waits until nothing but the newest readings is left to upload: after an outage or a history that takes a moment. */
async function drained(files: DemoFiles, options: DemoOptions, signal: AbortSignal): Promise<void> {
  const limit = Date.now() + SETTLE_LIMIT_MS
  while (!signal.aborted && Date.now() < limit) {
    const snapshot = await snapshotOf(controlSocketPath(files.agentData))
    if (snapshot) status.show(liveLine(snapshot, options.language))
    if (snapshot && snapshot.link.state === 'up' && snapshot.backlog.records < 40 && snapshot.backlog.batches <= 2)
      return
    await pause(1_000, signal)
  }
}

/** What the agent says of itself in its last line. */
function agentCounts(agent: Child): Promise<{ readonly taken: number }> {
  return agent.waitFor((line) => {
    if (!line.includes('metergate stopped')) return undefined
    const parsed: unknown = JSON.parse(line)
    if (typeof parsed !== 'object' || parsed === null || !('polls' in parsed) || typeof parsed.polls !== 'number')
      return undefined
    // Every poll leaves a reading, a failed one too: its values then say why they are absent.
    return { taken: parsed.polls }
  })
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => undefined)
}

process.exitCode = await main(parseOptions(process.argv.slice(2))).catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error))
  return 1
})
