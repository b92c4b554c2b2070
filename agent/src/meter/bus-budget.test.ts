import { invariant, type MeterProfile } from '@metergate/protocol'
import { findProfile, loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { describe, expect, it } from 'vitest'
import { type BudgetEntry, busBudget, explainBudget } from './bus-budget.js'
import { planCost, planReads } from './read-plan.js'

const line = { baud: 9600, format: '8N1' } as const
const profiles = loadBuiltinProfiles()

function profile(id: string): MeterProfile {
  const found = findProfile(id, profiles)
  invariant(found, `no profile ${id}`)
  return found
}

function entry(meter: string, id: string, periodMs: number, turnaroundMs = 40): BudgetEntry {
  const model = profile(id)
  return {
    meter,
    plan: planReads({ profile: model, items: model.items, settings: { ...line, turnaroundMs } }),
    periodMs,
  }
}

describe('the bus budget', () => {
  const PAUSE_MS = profile('eastron-sdm630').pause_ms
  const meters = Array.from({ length: 24 }, (_, i) =>
    entry(`press-${i + 1}`, 'eastron-sdm630', 10_000, i === 7 ? 90 : 40),
  )
  const budget = busBudget(line, meters)

  it('adds up the prices of the plans', () => {
    const sum = meters.reduce((total, { plan }) => total + planCost(plan).ms - PAUSE_MS, 0)
    expect(budget.needMs).toBeCloseTo(sum, 6)
    expect(budget.meters.reduce((total, { needMs }) => total + needMs, 0)).toBeCloseTo(sum, 6)
  })

  it('names the slowest meter and what it waits for', () => {
    expect(budget.meters[0]?.meter).toBe('press-8')
    expect(budget.meters[0]?.waitingMs).toBe((90 + PAUSE_MS) * (meters[7]?.plan.reads.length ?? 0) - PAUSE_MS)
  })

  it('prices a pause only where it lies between two reads of one meter', () => {
    const model = profile('eastron-sdm72d')
    expect(model.pause_ms).toBe(500)
    const each = entry('a', 'eastron-sdm72d', 6500)
    const { requests, ms } = planCost(each.plan)
    const pauses = 500 * requests
    // Eight of them, each silent while the seven others are asked.
    const budgetOf8 = busBudget(
      line,
      Array.from({ length: 8 }, (_, i) => ({ ...each, meter: `m-${i}` })),
    )
    expect(budgetOf8.needMs).toBeCloseTo(8 * (ms - pauses + 500 * (requests - 1)), 6)
    // Two groups due together are one pass: only its first read has no pause before it.
    const both = busBudget(line, [each, { ...each, periodMs: 60_000 }])
    expect(both.worstMs).toBeCloseTo(2 * ms - 500, 6)
  })

  it('prices other speeds, and says which meters cannot follow', () => {
    const faster = budget.faster.find(({ baud }) => baud === 19_200)
    invariant(faster, '19200 is priced')
    expect(faster.needMs).toBeLessThan(budget.needMs)
    expect(budget.faster.at(-1)?.unable).toContain('press-1')
  })

  it('counts slower groups with their share, and warns when all together do not fit', () => {
    const mixed = [
      entry('a', 'eastron-sdm630', 2000),
      entry('b', 'eastron-sdm630', 60_000),
      entry('c', 'eastron-sdm630', 60_000),
    ]
    const each = planCost(mixed[0]?.plan ?? meters[0]?.plan ?? raise()).ms - PAUSE_MS
    const { needMs, worstMs, verdict } = busBudget(line, mixed)
    expect(needMs).toBeCloseTo(each * (1 + 2 / 30), 6)
    expect(worstMs).toBeCloseTo(3 * each, 6)
    expect(verdict).toBe('tight')
    expect(busBudget(line, [entry('a', 'eastron-sdm630', 10_000)]).verdict).toBe('fits')
    expect(
      busBudget(
        line,
        Array.from({ length: 9 }, (_, i) => entry(`m-${i}`, 'eastron-sdm630', 1000)),
      ).verdict,
    ).toBe('too_much')
  })

  it('prices changing speed or format for meters with settings of their own', () => {
    const own = { ...entry('gate', 'dlt645-2007-3p', 10_000), ownSettings: { baud: 2400, format: '8E1' } as const }
    expect(busBudget(line, [...meters, own]).switchMs).toBe(40)
    expect(busBudget(line, [own]).switchMs).toBe(0)
    expect(busBudget({ baud: 2400, format: '8E1' }, [own]).switchMs).toBe(0)
  })

  it('explains itself in both languages with its own figures', () => {
    const need = (budget.needMs / 1000).toFixed(1)
    expect(explainBudget(budget, 'en')).toContain(`24 meters need ${need} s of your 10.0 s. The slowest is press-8`)
    expect(explainBudget(budget, 'zh')).toContain(`24 块表每 10.0 秒周期需要 ${need} 秒。最慢的是 press-8`)
    expect(explainBudget(busBudget(line, []), 'en')).toBe('No meter is polled on this line.')
  })
})

function raise(): never {
  throw new Error('no plan')
}
