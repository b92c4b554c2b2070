import {
  amount,
  energyAnswerSchema,
  epochMs,
  formatAmount,
  type IntervalRecord,
  problemSchema,
} from '@metergate/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CloudHarness } from '../testing/cloud-harness.js'
import type { GatewayDouble } from '../testing/gateway-double.js'
import { heartbeat, interval, T0 } from '../testing/records.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** Midnight in Shanghai on the day of T0. */
const MIDNIGHT = Date.parse('2026-11-23T00:00:00+08:00')

let harness: CloudHarness
let gateway: GatewayDouble

beforeEach(async () => {
  harness = await CloudHarness.start()
  gateway = await harness.gateway()
})
afterEach(() => harness.stop())

/** An interval of `lengthMs` with 0.01 kWh × `n`. */
const spent = (start: number, lengthMs: number, n: number | null, change: Partial<Delta> = {}): IntervalRecord => {
  const record = interval(start, 0, 0)
  const delta = { ...change, delta: n === null ? null : amount(n, -2) }
  const [only] = record.deltas
  return { ...record, end: interval(start + lengthMs, 0, 0).start, deltas: only ? [{ ...only, ...delta }] : [] }
}
type Delta = IntervalRecord['deltas'][number]

const send = async (records: readonly IntervalRecord[]): Promise<void> => {
  for (let i = 0; i < records.length; i += 500) {
    const answer = await harness.inject(gateway.post(gateway.seal(records.slice(i, i + 500))))
    expect(answer.statusCode).toBe(200)
  }
}

const ask = (query: string) => harness.read(`/v1/gateways/${gateway.id}/meters/press-1/energy?${query}`)
const energy = async (query: string) => {
  const answer = await ask(query)
  expect(answer.statusCode, answer.body).toBe(200)
  return energyAnswerSchema.parse(answer.json())
}

describe('energy by hour and day', () => {
  it('adds a day of one-minute intervals up exactly', async () => {
    await send(Array.from({ length: 1440 }, (_, i) => spent(MIDNIGHT + i * MINUTE, MINUTE, 1 + (i % 7))))
    const total = Array.from({ length: 1440 }, (_, i) => 1 + (i % 7)).reduce((sum, n) => sum + n, 0)
    const range = `from=${MIDNIGHT}&to=${MIDNIGHT + DAY}`
    const day = await energy(`${range}&step=day`)
    expect(day).toMatchObject({ zone: 'Asia/Shanghai', step: 'day', quantity: 'energy_active_import_total' })
    expect(day.steps).toEqual([
      {
        start: MIDNIGHT,
        end: MIDNIGHT + DAY,
        energy: amount(total, -2),
        estimated: amount(0, -2),
        coverage: 1000,
      },
    ])
    const { steps } = await energy(range)
    expect(steps).toHaveLength(24)
    expect(steps.reduce((sum, step) => sum + (step.energy?.n ?? 0), 0)).toBe(total)
  })

  it('names what is estimated, and leaves a gap null with its coverage', async () => {
    await send([
      spent(MIDNIGHT, 15 * MINUTE, 100),
      spent(MIDNIGHT + 15 * MINUTE, 15 * MINUTE, 30, { flag: 'estimated', method: 'register_prorate' }),
      spent(MIDNIGHT + 30 * MINUTE, 15 * MINUTE, null, { flag: 'missing' }),
      spent(MIDNIGHT + HOUR, 15 * MINUTE, null, { flag: 'suspect' }),
    ])
    const { steps } = await energy(`from=${MIDNIGHT}&to=${MIDNIGHT + 2 * HOUR}`)
    expect(steps).toMatchObject([
      { energy: amount(130, -2), estimated: amount(30, -2), coverage: 500 },
      { energy: null, estimated: null, coverage: 0 },
    ])
  })

  it('knows of an hour in which a register broke off what was metered of it, as the gateway does', async () => {
    const part = (from: number, to: number, n: number, segment: number) => ({
      segment,
      start: epochMs(from),
      end: epochMs(to),
      from: amount(0, -2),
      to: amount(n, -2),
    })
    const [one, two] = [MIDNIGHT + HOUR, MIDNIGHT + 2 * HOUR]
    await send([
      // A meter was exchanged after five minutes, and the new one began to answer in the next hour.
      spent(MIDNIGHT, HOUR, 250, { parts: [part(MIDNIGHT, MIDNIGHT + 5 * MINUTE, 250, 0)] }),
      // A register began again: five minutes of the hour nobody knows.
      spent(one, HOUR, null, {
        flag: 'suspect',
        parts: [part(one, one + 35 * MINUTE, 1750, 0), part(one + 40 * MINUTE, one + HOUR, 1000, 1)],
      }),
      // Twelve minutes of the hour were bridged by an estimate.
      spent(two, HOUR, 3000, { flag: 'mixed', parts: [part(two, two + 48 * MINUTE, 2400, 0)] }),
    ])
    const range = `from=${MIDNIGHT}&to=${MIDNIGHT + 3 * HOUR}`
    expect((await energy(range)).steps).toMatchObject([
      { energy: amount(250, -2), estimated: amount(0, -2), coverage: 83 },
      { energy: amount(2750, -2), estimated: amount(0, -2), coverage: 916 },
      { energy: amount(3000, -2), estimated: amount(600, -2), coverage: 800 },
    ])
    expect((await energy(`${range}&step=day`)).steps).toMatchObject([{ energy: amount(6000, -2), coverage: 75 }])
  })

  it('counts a corrected interval once, in its newest revision', async () => {
    await send([
      spent(MIDNIGHT, 15 * MINUTE, 100),
      { ...spent(MIDNIGHT, 15 * MINUTE, 120), revision: 1, reason: 'late reading' },
    ])
    const { steps } = await energy(`from=${MIDNIGHT}&to=${MIDNIGHT + HOUR}`)
    expect(steps.map((step) => step.energy && formatAmount(step.energy))).toEqual(['1.20'])
  })

  it('gives whole steps: the question’s edges cut none', async () => {
    await send([spent(MIDNIGHT, 15 * MINUTE, 100), spent(MIDNIGHT + 10 * HOUR, 15 * MINUTE, 10)])
    const { steps } = await energy(`from=${MIDNIGHT + 9 * HOUR}&to=${MIDNIGHT + 9 * HOUR + 1}&step=day`)
    expect(steps).toMatchObject([{ start: MIDNIGHT, end: MIDNIGHT + DAY, energy: amount(110, -2) }])
  })

  it('puts 25 hours into the day on which the clocks go back', async () => {
    const midnight = Date.parse('2026-10-25T00:00:00+02:00')
    await send(Array.from({ length: 26 }, (_, i) => spent(midnight + i * HOUR, HOUR, 100)))
    const range = `zone=Europe/Berlin&from=${midnight}&to=${midnight + 26 * HOUR}`
    const { steps } = await energy(`${range}&step=day`)
    expect(steps).toMatchObject([
      { start: midnight, end: midnight + 25 * HOUR, energy: amount(2500, -2), coverage: 1000 },
      { energy: amount(100, -2) },
    ])
    expect((await energy(range)).steps.map((step) => step.energy?.n)).toEqual(Array(26).fill(100))
  })
})

describe('the zone', () => {
  it('is the plant’s own, as its heartbeat names it', async () => {
    const plant = { name: '东一楼', timezone: 'Europe/Berlin' }
    await harness.inject(gateway.beat({ ...heartbeat(T0), plant }))
    expect((await energy(`step=day&to=${T0}`)).zone).toBe('Europe/Berlin')
  })

  it('is China’s where the plant named none, or none that exists', async () => {
    expect((await energy(`to=${T0}`)).zone).toBe('Asia/Shanghai')
    await harness.inject(gateway.beat({ ...heartbeat(T0), plant: { name: 'x', timezone: 'Mars/Olympus' } }))
    expect((await energy(`to=${T0}`)).zone).toBe('Asia/Shanghai')
  })

  it.each([
    ['zone=Mars/Olympus', 'Mars/Olympus'],
    ['quantity=power_active_total', 'power_active_total'],
    ['step=week', 'step'],
  ])('%s is refused, naming the value', async (query, named) => {
    const answer = await ask(query)
    const problem = problemSchema.parse(answer.json())
    expect([answer.statusCode, problem.code]).toEqual([400, 'malformed_request'])
    expect(problem.detail).toContain(named)
  })
})

describe('the documentation', () => {
  it('tells of the route', async () => {
    const document = (await harness.inject({ method: 'GET', url: '/openapi.json' })).json()
    expect(Object.keys(document.paths)).toContain('/v1/gateways/{gateway}/meters/{meter}/energy')
  })
})
