import { bootId, gatewayIdSchema, meterIdSchema, ok, sha256Hex } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { MemoryRecordStore } from '../store/memory-record-store.js'
import { bareHeartbeat } from '../testing/heartbeat.js'
import { openBatch, type Script, ScriptedUplink } from '../testing/scripted-uplink.js'
import { SeededRandom } from '../testing/seeded-random.js'
import { VirtualClock } from '../testing/virtual-clock.js'
import { SyncLoop } from './sync-loop.js'

interface Outcome {
  /** Records the gateway no longer holds as unacknowledged although the cloud never committed them. */
  readonly lost: number
  /** Records still waiting half an hour after the faults ended. */
  readonly left: number
  readonly attempts: number
  readonly trace: string
}

/**
 * An hour and a half of readings over a line where each exchange may lose its answer, be answered twice, late, with
 * nonsense, with somebody else's acknowledgement, or not at all, while the wall clock jumps; then a quiet half hour.
 */
async function chaos(seed: number, bug?: 'acknowledges before it commits'): Promise<Outcome> {
  const chance = new SeededRandom(seed)
  const clock = new VirtualClock()
  const sealer = { gateway: gatewayIdSchema.parse('gw-k3v9q2x7'), software: 'metergate/0.1.0', config: 'c0ffee' }
  const store = new MemoryRecordStore({ clock, random: new SeededRandom(seed + 1), sealer: () => sealer })
  const cloud = new ScriptedUplink(clock)
  cloud.script = script(cloud, chance, bug)
  const loop = new SyncLoop(
    { clock, random: new SeededRandom(seed + 2), store, uplink: cloud },
    { heartbeat: () => bareHeartbeat(clock) },
  )
  const stop = new AbortController()
  const running = loop.start(stop.signal)
  for (let round = 0; round < 540; round += 1) {
    await store.append([reading(clock)])
    await clock.advance(10_000)
    if (chance.next() < 0.01) clock.stepWall((chance.next() - 0.5) * 1e11)
  }
  cloud.script = () => undefined
  await clock.advance(1_800_000)
  stop.abort()
  await running
  const arrived = new Set(
    [...cloud.committed.values()].flatMap((batch) => openBatch(batch).records.map(({ seq }) => seq)),
  )
  const left = store.health().streams.reduce((sum, each) => sum + each.unacknowledged, 0)
  const trace = cloud.attempts.map(({ batch, at }) => `${at}:${batch.number}:${batch.sha256}`).join(' ')
  return { lost: 540 - arrived.size - left, left, attempts: cloud.attempts.length, trace: sha256Hex(trace) }
}

function script(cloud: ScriptedUplink, chance: SeededRandom, bug?: string): Script {
  const earlier: Parameters<Script>[0][] = []
  return (batch) => {
    earlier.push(batch)
    const dice = chance.next()
    if (bug && dice < 0.1) return ok(cloud.receipt([batch]))
    if (dice < 0.2) return { ok: false, fault: { kind: 'unreachable', why: 'request lost' } }
    if (dice < 0.4) {
      cloud.commit(batch)
      return { ok: false, fault: { kind: 'unreachable', why: 'answer lost' } }
    }
    if (dice < 0.5) return { ok: false, fault: { kind: 'server_error', status: 500, retryAfterMs: undefined } }
    if (dice < 0.55) return { ok: false, fault: { kind: 'busy', status: 503, retryAfterMs: chance.next() * 1e6 } }
    if (dice < 0.6) return { ok: false, fault: { kind: 'malformed_answer', status: 200, why: 'login page' } }
    if (dice < 0.65) return ok(cloud.receipt([{ ...batch, sha256: sha256Hex(`${dice}`) }]))
    if (dice < 0.7) return ok(cloud.receipt([]))
    // Late and repeated: everything ever committed, twice.
    const committed = earlier.filter((each) => cloud.committed.has(`${each.stream}/${each.number}`))
    if (dice < 0.8) return ok({ ...cloud.commit(batch), committed: [...committed, batch, ...committed] })
    return undefined
  }
}

const reading = (clock: VirtualClock) => ({
  kind: 'reading' as const,
  stamp: { boot: bootId('b1'), mono: clock.mono(), wall: clock.wall(), quality: 'S' as const },
  meter: meterIdSchema.parse('press-1'),
  group: 'power',
  blocks: [0],
  values: [{ quantity: 'frequency' as const, block: 0, value: { n: 5000, exp: -2 } }],
})

describe('a bad line and a confused cloud', () => {
  it.each(Array.from({ length: 15 }, (_, seed) => seed))(
    'lose nothing and leave nothing behind (seed %i)',
    async (seed) => {
      const outcome = await chaos(seed)
      expect(outcome).toMatchObject({ lost: 0 })
      expect(outcome.left).toBeLessThanOrEqual(6)
      expect(outcome.attempts).toBeLessThan(1_000)
    },
  )

  it('go the same way for the same seed', async () => {
    expect((await chaos(7)).trace).toBe((await chaos(7)).trace)
  })

  it('would be noticed: a cloud that acknowledges before it commits loses records here', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, (_, seed) => chaos(seed, 'acknowledges before it commits')),
    )
    expect(outcomes.every(({ lost }) => lost > 0)).toBe(true)
  })
})
