import {
  anchorRecordSchema,
  epochMs,
  eventsAnswerSchema,
  gatewayAnswerSchema,
  gatewaysAnswerSchema,
  intervalsAnswerSchema,
  metersAnswerSchema,
  problemSchema,
  productionAnswerSchema,
  reconcileAnswerSchema,
  type StreamRecord,
  seriesAnswerSchema,
  unitEnergyAnswerSchema,
} from '@metergate/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CloudHarness } from '../testing/cloud-harness.js'
import type { GatewayDouble } from '../testing/gateway-double.js'
import { event, heartbeat, interval, production, reading, silentReading, T0, unitEnergy } from '../testing/records.js'

let harness: CloudHarness
let detail: GatewayDouble
let ledger: GatewayDouble
let base: string

beforeEach(async () => {
  harness = await CloudHarness.start()
  detail = await harness.gateway()
  // The same box writes both streams; the double keeps one stream each, so the second gets a box of its own here.
  ledger = await harness.gateway('e'.repeat(32))
  base = `/v1/gateways/${detail.id}`
})
afterEach(() => harness.stop())

const send = async (gateway: GatewayDouble, records: readonly StreamRecord[]): Promise<void> => {
  const answer = await harness.inject(gateway.post(gateway.seal(records)))
  expect(answer.statusCode).toBe(200)
}

describe('who may read', () => {
  it.each(['/v1/gateways', '/v1/meters', '/v1/gateways/gw-00000000/reconcile'])(
    '%s needs a reader token',
    async (url) => {
      const without = await harness.inject({ method: 'GET', url })
      expect([without.statusCode, problemSchema.parse(without.json()).code]).toEqual([401, 'token_missing'])
      for (const authorization of ['Bearer mgr_wrongwrongwrong', 'Basic abc', `bearer ${harness.token}`]) {
        const wrong = await harness.inject({ method: 'GET', url, headers: { authorization } })
        expect([wrong.statusCode, problemSchema.parse(wrong.json()).code]).toEqual([401, 'token_invalid'])
      }
    },
  )

  it('a gateway that does not exist is not found, in words', async () => {
    const answer = await harness.read('/v1/gateways/gw-nobody000/reconcile')
    expect([answer.statusCode, problemSchema.parse(answer.json()).code]).toEqual([404, 'not_found'])
  })
})

describe('what was taken while the clock was unknown', () => {
  /** The same record from a box that woke up in 1970 and had no way to know better. */
  const in1970 = <T extends StreamRecord>(record: T): T => ({
    ...record,
    stamp: { ...record.stamp, wall: epochMs(record.stamp.mono), quality: 'U' },
  })
  const anchored = (after: number): StreamRecord =>
    anchorRecordSchema.parse({
      kind: 'anchor',
      stamp: event(T0 + after).stamp,
      boot: 'boot-1',
      mono: after + 1000,
      true_wall: T0 + after,
      error_ms: 20,
      source: 'cloud',
    })
  const curve = async (points: number) => {
    const url = `${base}/meters/press-1/series?quantity=power_active_total&from=${T0}&to=${T0 + 3_600_000}`
    const { buckets } = seriesAnswerSchema.parse((await harness.read(`${url}&points=${points}`)).json())
    return buckets.filter(({ count }) => count > 0).map(({ at, mean }) => [at - T0, mean])
  }
  const readings = [in1970(reading(T0 + 60_000, 1000, 1)), in1970(reading(T0 + 600_000, 3000, 2))]

  it.each(['before', 'after'])('is dated when it is read, whether the anchor came %s it', async (order) => {
    if (order === 'after') await send(detail, readings)
    const records = [in1970(event(T0 + 30_000)), event(T0 + 40_000, 'bus_up'), anchored(1_800_000)]
    const own = detail.withStream('e'.repeat(32))
    await send(own, records)
    if (order === 'before') await send(detail, readings)
    for (const points of [12, 60])
      expect(await curve(points)).toEqual([
        [points === 12 ? 0 : 60_000, 100],
        [600_000, 300],
      ])
    const { meters } = metersAnswerSchema.parse((await harness.read(`/v1/meters?gateway=${detail.id}`)).json())
    expect(meters[0]).toMatchObject({ meter: 'press-1', last_at: T0 + 600_040 })
    const url = `${base}/events?from=${T0}&to=${T0 + 60_000}`
    const { events } = eventsAnswerSchema.parse((await harness.read(url)).json())
    expect(events).toMatchObject([
      { code: 'bus_up', at: T0 + 40_000, clock: 'S' },
      { code: 'bus_down', at: T0 + 30_000, clock: 'D' },
    ])
    const { meters: counted } = reconcileAnswerSchema.parse((await harness.read(`${base}/reconcile`)).json())
    expect(counted).toMatchObject([{ meter: 'press-1', readings: 2 }])
  })

  it('stays where its label says, and says so, while nothing dates it', async () => {
    await send(detail, readings)
    expect(await curve(60)).toEqual([])
    await send(detail.withStream('e'.repeat(32)), [in1970(event(T0 + 30_000))])
    const { events } = eventsAnswerSchema.parse((await harness.read(`${base}/events?from=0&to=100000`)).json())
    expect(events).toMatchObject([{ at: 31_000, clock: 'U' }])
  })
})

describe('a curve', () => {
  const series = async (query: string) => {
    const answer = await harness.read(`${base}/meters/press-1/series?${query}`)
    expect(answer.statusCode).toBe(200)
    return seriesAnswerSchema.parse(answer.json())
  }
  const minute = (n: number) => T0 + n * 60_000

  it('shows minimum, mean and maximum per bucket, and a gap as null', async () => {
    await send(detail, [reading(minute(0), 1000, 1), reading(minute(1), 3000, 2), reading(minute(5), 2000, 3)])
    const answer = await series(`quantity=power_active_total&from=${T0}&to=${minute(6)}&points=3`)
    expect(answer).toMatchObject({ unit: 'W', nature: 'gauge', bucket_ms: 120_000, suspect: 0, absent: 0 })
    expect(answer.buckets).toEqual([
      { at: minute(0), count: 2, min: 100, mean: 200, max: 300, last: 300 },
      { at: minute(2), count: 0, min: null, mean: null, max: null, last: null },
      { at: minute(4), count: 1, min: 200, mean: 200, max: 200, last: 200 },
    ])
  })

  it('says the same from stored slots as from the batches, however the readings were cut into batches', async () => {
    const readings = Array.from({ length: 15 }, (_, n) => reading(minute(n), 1000 + n * n, n))
    await send(detail, readings.slice(0, 7))
    for (const each of readings.slice(7)) await send(detail, [each])
    const range = `quantity=power_active_total&from=${T0}&to=${minute(15)}`
    const fine = await series(`${range}&points=15`)
    const wide = await series(`${range}&points=3`)
    expect([fine.bucket_ms, wide.bucket_ms]).toEqual([60_000, 300_000])
    for (const [index, bucket] of wide.buckets.entries()) {
      const parts = fine.buckets.slice(index * 5, index * 5 + 5)
      const means = parts.map(({ mean }) => mean ?? Number.NaN)
      expect(bucket).toMatchObject({ count: 5, min: Math.min(...means), max: Math.max(...means), last: parts[4]?.last })
      expect(bucket.mean).toBeCloseTo(means.reduce((sum, mean) => sum + mean, 0) / 5, 9)
    }
  })

  it('is widened to whole buckets of a round width', async () => {
    const answer = await series(`quantity=power_active_total&from=${T0 + 1}&to=${minute(47)}&points=10`)
    expect(answer).toMatchObject({ bucket_ms: 300_000, from: T0, to: minute(50) })
    expect(answer.buckets).toHaveLength(10)
  })

  it('counts polls without an answer and leaves them out', async () => {
    await send(detail, [reading(minute(0), 1000, 1), silentReading(minute(1))])
    const answer = await series(`quantity=power_active_total&from=${T0}&to=${minute(2)}&points=1`)
    expect(answer).toMatchObject({ absent: 1, buckets: [{ count: 1, mean: 100 }] })
  })

  it('takes ISO instants with an offset, and refuses those without one', async () => {
    await send(detail, [reading(T0, 1000, 1)])
    const from = encodeURIComponent('2026-11-23T16:00:00+08:00')
    expect((await series(`quantity=power_active_total&from=${from}&to=${minute(1)}`)).from).toBe(T0)
    const bad = await harness.read(`${base}/meters/press-1/series?quantity=power_active_total&from=2026-11-23T16:00:00`)
    expect(bad.statusCode).toBe(400)
    expect(problemSchema.parse(bad.json()).detail).toContain('2026-11-23T16:00:00')
  })

  it.each(['quantity=nonsense', 'quantity=power_active_total&points=0', 'quantity=power_active_total&from=9&to=5'])(
    'refuses %s with a reason',
    async (query) => {
      const answer = await harness.read(`${base}/meters/press-1/series?${query}`)
      expect([answer.statusCode, problemSchema.parse(answer.json()).code]).toEqual([400, 'malformed_request'])
    },
  )
})

describe('energy', () => {
  const quarter = (n: number) => T0 + n * 900_000
  beforeEach(() => {
    base = `/v1/gateways/${ledger.id}`
  })

  it('comes as intervals in their newest revision', async () => {
    await send(ledger, [
      interval(quarter(0), 100, 150),
      interval(quarter(1), 150, 175),
      interval(quarter(0), 100, 151, 1),
    ])
    const answer = await harness.read(`${base}/meters/press-1/intervals?from=${T0}&to=${quarter(4)}`)
    const { intervals } = intervalsAnswerSchema.parse(answer.json())
    expect(intervals.map(({ start, revision }) => [start, revision])).toEqual([
      [quarter(0), 1],
      [quarter(1), 0],
    ])
  })

  it('comes as CSV with every digit, and text never as a formula', async () => {
    await send(ledger, [{ ...interval(quarter(0), 100, 150, 1), reason: '=HYPERLINK("x")' }])
    const answer = await harness.read(`${base}/meters/press-1/intervals?from=${T0}&to=${quarter(4)}&format=csv`)
    expect(answer.headers['content-type']).toBe('text/csv; charset=utf-8')
    const [header, line, end] = answer.body.replace('\uFEFF', '').split('\r\n')
    expect(header).toMatch(/^meter,start,end,quantity,unit,register_from,register_to,delta,flag/)
    expect(line).toBe(
      `press-1,2026-11-23T08:00:00.000Z,2026-11-23T08:15:00.000Z,energy_active_import_total,kWh,1.00,1.50,0.50,measured,,1,"'=HYPERLINK(""x"")",0,1,1000`,
    )
    expect(end).toBe('')
  })

  it('per product and production come in their newest revision', async () => {
    await send(ledger, [production(T0, 400), production(T0, 500, 1), unitEnergy(T0, 90_000)])
    const range = `from=${T0}&to=${quarter(8)}`
    const made = productionAnswerSchema.parse((await harness.read(`${base}/production?${range}`)).json())
    expect(made.production).toMatchObject([{ revision: 1, count: { n: 500, exp: 0 } }])
    const per = unitEnergyAnswerSchema.parse((await harness.read(`${base}/unit-energy?${range}&period=hour`)).json())
    expect(per.unit_energy).toMatchObject([{ product: 'eva-slipper', value: { n: 90_000, exp: -6 } }])
  })

  it('reconciles: registers, exact sums, counts and settled numbers', async () => {
    await send(ledger, [interval(quarter(0), 100, 150), interval(quarter(1), 150, 175)])
    const answer = reconcileAnswerSchema.parse((await harness.read(`${base}/reconcile`)).json())
    expect(answer.meters).toEqual([{ meter: 'press-1', readings: 0, intervals: 2, registers: [] }])
    await send(detail, [reading(T0, 1000, 170), reading(T0 + 1000, 1000, 175)])
    const other = reconcileAnswerSchema.parse((await harness.read(`/v1/gateways/${detail.id}/reconcile`)).json())
    expect(other.meters).toMatchObject([
      {
        meter: 'press-1',
        readings: 2,
        registers: [{ quantity: 'energy_active_import_total', value: { n: 175, exp: -2 }, at: T0 + 1040, record: 2 }],
      },
    ])
    expect(other.streams).toMatchObject([
      { kind: 'detail', records: 2, contiguous: 1, first_record: 1, last_record: 2 },
    ])
  })
})

describe('the fleet', () => {
  it('shows a gateway from enrolment to heartbeat to silence', async () => {
    const state = async () => {
      const { gateways } = gatewaysAnswerSchema.parse((await harness.read('/v1/gateways')).json())
      return gateways.find(({ id }) => id === detail.id)?.state
    }
    expect(await state()).toBe('never')
    expect((await harness.inject(detail.beat(heartbeat(T0)))).statusCode).toBe(200)
    expect(await state()).toBe('online')
    harness.clock.now += 4 * 60_000
    expect(await state()).toBe('late')
    harness.clock.now += 15 * 60_000
    expect(await state()).toBe('offline')
    const { gateway, heartbeat: beat } = gatewayAnswerSchema.parse((await harness.read(base)).json())
    expect(gateway).toMatchObject({ meters: 1, backlog_records: 3, last_heartbeat_at: T0, warnings: [] })
    expect(beat?.products).toMatchObject([{ id: 'eva-slipper' }])
  })

  it('names each meter with its last values, the newer of heartbeat and batch', async () => {
    await harness.inject(detail.beat(heartbeat(T0)))
    await send(detail, [reading(T0 - 5000, 1000, 170), reading(T0 - 1000, 1000, 175, 'press-2')])
    const { meters } = metersAnswerSchema.parse((await harness.read(`/v1/meters?gateway=${detail.id}`)).json())
    expect(meters).toMatchObject([
      {
        meter: 'press-1',
        label: '1号发泡机',
        state: 'ok',
        last: [
          { quantity: 'energy_active_import_total', at: T0 - 4960, value: { n: 170, exp: -2 } },
          { quantity: 'power_active_total', at: T0, value: { n: 12345, exp: -1 } },
        ],
      },
      { meter: 'press-2', label: 'press-2', state: 'unknown', profile: null },
    ])
  })

  it('refuses a heartbeat that is not as documented, naming the field', async () => {
    const answer = await harness.inject(detail.signed('/v1/heartbeat', Buffer.from('{"sent_at":"yesterday"}')))
    const problem = problemSchema.parse(answer.json())
    expect([answer.statusCode, problem.code]).toEqual([400, 'malformed_request'])
    expect(problem.errors?.[0]).toMatchObject({ path: 'sent_at' })
  })

  it('shows events newest first', async () => {
    await send(ledger, [event(T0), event(T0 + 1000, 'bus_up')])
    const answer = await harness.read(`/v1/gateways/${ledger.id}/events?to=${T0 + 5000}&limit=1`)
    expect(eventsAnswerSchema.parse(answer.json()).events).toMatchObject([
      { code: 'bus_up', source: 'gateway', record: 2 },
    ])
  })
})
