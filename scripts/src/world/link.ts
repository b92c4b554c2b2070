import {
  type CloudAnswer,
  type HeartbeatReceipt,
  readAnswer,
  type SealedBatch,
  type Uplink,
  type UplinkFault,
  type UplinkReceipt,
} from '@metergate/agent'
import {
  batchAnswerSchema,
  type Clock,
  epochMs,
  fail,
  heartbeatAnswerSchema,
  ok,
  type Result,
  seconds,
} from '@metergate/protocol'
import type { SeededRandom, Timeline, Trace } from '@metergate/simulator'
import type { PlantedBug } from './bugs.js'
import type { CloudSays, WorldCloud } from './cloud.js'
import { type Span, type WorldFaults, within } from './faults.js'
import type { Life } from './life.js'
import type { FaultKind, Provoked } from './provoked.js'

export interface LinkParts {
  readonly timeline: Timeline
  readonly random: SeededRandom
  readonly faults: WorldFaults['link']
  readonly faultyMs: number
  readonly cloud: WorldCloud
  readonly trace: Trace
  readonly provoked: Provoked
  readonly bug: PlantedBug | undefined
}

const LOGIN_PAGE: CloudSays = { status: 200, body: '<html><title>Please log in</title></html>' }
const TIMEOUT = seconds(30)
const RETRY_AFTER = ['1', '30', '0', '-5', '120', 'abc', 'Wed, 21 Oct 2015 07:28:00 GMT'] as const
/** What a cloud in trouble, a proxy, a captive portal or a mistaken administrator answers. */
const STRANGERS: readonly CloudSays[] = [
  { status: 500, body: 'Internal Server Error' },
  { status: 502, body: '<html>Bad Gateway</html>' },
  { status: 503, body: 'Service Unavailable' },
  { status: 429, body: 'Too Many Requests' },
  { status: 408, body: '' },
  { status: 401, body: 'Unauthorized' },
  { status: 403, body: 'Forbidden' },
  { status: 404, body: 'Not Found' },
  { status: 409, body: 'Conflict' },
  { status: 301, body: '' },
  LOGIN_PAGE,
  { status: 200, body: { committed: 'yes' } },
  { status: 204, body: '' },
]

/** The network between gateway and cloud. It outlives both: what is under way arrives whoever has died meanwhile. */
export class Link {
  constructor(private readonly parts: LinkParts) {}

  /** The way to the cloud as one process of the gateway has it. */
  uplink(clock: Clock, life: Life): Uplink {
    return new WorldUplink(this, clock, life, this.parts.bug)
  }

  /** One exchange, or silence. `handle` does the cloud's part, at the instant the request arrives. */
  async exchange(handle: () => Promise<CloudSays>, refusable: boolean): Promise<CloudSays | undefined> {
    const { timeline, random, faults, faultyMs, provoked } = this.parts
    if (timeline.now() >= faultyMs) return this.#answer(handle, 40, 40)
    const [up, down] = [random.next() * faults.slowestMs, random.next() * faults.slowestMs]
    const strikes = (chance: number, kind: FaultKind): boolean => provoked.when(random.chance(chance), kind)
    const lasts = (spans: readonly Span[], kind: FaultKind): boolean =>
      provoked.when(within(spans, timeline.now()), kind)
    if (lasts(faults.outages, 'outage') || strikes(faults.lostRequest, 'lost_request')) return undefined
    if (lasts(faults.portals, 'portal')) return this.#after(up, LOGIN_PAGE)
    if (strikes(faults.status, 'strange_status')) return this.#stranger(up + down)
    if (refusable && strikes(faults.refused, 'refused_batch')) {
      return this.#after(up + down, { status: 413, body: 'Too Large' })
    }
    if (strikes(faults.duplicate, 'duplicate_request')) void this.#answer(handle, up + random.next() * 60_000, 0)
    const late = strikes(faults.late, 'late_request') ? 31_000 + random.next() * 60_000 : 0
    const answer = await this.#answer(handle, up + late, down)
    return strikes(faults.lostAnswer, 'lost_answer') ? undefined : answer
  }

  #stranger(afterMs: number): Promise<CloudSays> {
    const { random } = this.parts
    const says = STRANGERS[Math.floor(random.next() * STRANGERS.length)] ?? { status: 500, body: '' }
    const asks = says.status === 503 || says.status === 429
    const retryAfter = asks ? RETRY_AFTER[Math.floor(random.next() * (RETRY_AFTER.length + 2))] : undefined
    return this.#after(afterMs, retryAfter === undefined ? says : { ...says, retryAfter })
  }

  async #answer(handle: () => Promise<CloudSays>, up: number, down: number): Promise<CloudSays> {
    await this.#after(up, undefined)
    return this.#after(down, await handle())
  }

  #after<T>(ms: number, value: T): Promise<T> {
    return new Promise((resolve) => this.parts.timeline.after(ms, () => resolve(value)))
  }

  batch(body: Uint8Array, encoding: 'br' | 'gzip', what: string): Promise<CloudSays | undefined> {
    const { cloud, random, bug, trace } = this.parts
    return this.exchange(async () => {
      if (bug === 'acks_before_commit' && random.chance(0.05)) return cloud.lie(body, encoding)
      const says = await cloud.batch(body, encoding)
      trace.add(`cloud ${what} ${says.status}`)
      return says
    }, true)
  }

  heartbeat(body: unknown): Promise<CloudSays | undefined> {
    return this.exchange(() => this.parts.cloud.heartbeat(body), false)
  }
}

/** The agent's port, with the agent's own reading of statuses and bodies. */
class WorldUplink implements Uplink {
  private failures = 0

  constructor(
    private readonly link: Link,
    private readonly clock: Clock,
    private readonly life: Life,
    private readonly bug: PlantedBug | undefined,
  ) {}

  async send(batch: SealedBatch, signal?: AbortSignal): Promise<Result<UplinkReceipt, UplinkFault>> {
    const { body, encoding, stream, number, sha256 } = batch
    const answer = await this.#post(
      () => this.link.batch(body, encoding, `${stream.slice(0, 6)}/${number} ${sha256.slice(0, 12)}`),
      body.length,
      signal,
    )
    if (!answer.ok) return answer
    const { status, roundTripMs, bytesSent } = answer.value
    const read = readAnswer(answer.value, batchAnswerSchema)
    if (this.bug === 'frees_on_any_2xx' && !read.ok && status >= 200 && status <= 299) {
      const committed = [{ stream, number, sha256 }]
      return ok({ committed, rejected: [], serverTime: epochMs(this.clock.wall()), roundTripMs: 9_999, bytesSent })
    }
    if (!read.ok) return read
    const { committed, rejected, contiguous, server_time } = read.value
    return ok({ committed, rejected, contiguous, serverTime: server_time, roundTripMs, bytesSent })
  }

  async heartbeat(body: unknown, signal?: AbortSignal): Promise<Result<HeartbeatReceipt, UplinkFault>> {
    const json: unknown = JSON.parse(JSON.stringify(body))
    const answer = await this.#post(() => this.link.heartbeat(json), 500, signal)
    if (!answer.ok) return answer
    const read = readAnswer(answer.value, heartbeatAnswerSchema)
    if (!read.ok) return read
    const { roundTripMs, bytesSent } = answer.value
    return ok({ serverTime: read.value.server_time, roundTripMs, bytesSent })
  }

  /** As the agent's HTTP does it: one deadline for the whole exchange. */
  async #post(
    exchange: () => Promise<CloudSays | undefined>,
    bytesSent: number,
    signal: AbortSignal | undefined,
  ): Promise<Result<CloudAnswer, UplinkFault>> {
    this.life.step()
    if (this.bug === 'gives_up' && this.failures >= 3) return fail({ kind: 'unreachable', why: 'given up' })
    const start = this.clock.mono()
    const done = new AbortController()
    const giveUp = async (): Promise<undefined> => {
      try {
        await this.clock.sleep(TIMEOUT, done.signal)
      } catch {
        // The answer came first.
      }
      return undefined
    }
    const stop = (): void => done.abort()
    signal?.addEventListener('abort', stop)
    const never = new Promise<undefined>(() => undefined)
    // Code that runs on to where it waits after its process' death sends nothing any more.
    const answered = this.life.alive ? exchange().then((says) => says ?? never) : never
    const says = await this.life.heard(Promise.race([answered, giveUp()]))
    signal?.removeEventListener('abort', stop)
    done.abort()
    this.life.step()
    this.failures = says ? 0 : this.failures + 1
    if (!says) return fail({ kind: 'unreachable', why: 'no answer' })
    return ok(answerOf(says, this.clock.mono() - start, bytesSent))
  }
}

function answerOf({ status, body, retryAfter }: CloudSays, roundTripMs: number, bytesSent: number): CloudAnswer {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return {
    status,
    header: (name) => (name === 'retry-after' ? retryAfter : name === 'location' && status === 301 ? '/' : undefined),
    body: new TextEncoder().encode(text),
    roundTripMs,
    bytesSent,
  }
}
