import { invariant, type ModbusProfile, meterProfileSchema, QUANTITY_NAMES, registersOf } from '@metergate/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { afterRefusal, NOTHING_LEARNT } from './learnt.js'
import { type Extent, isLegal } from './legal-read.js'
import type { PlannedModbusRead, PlannedRead } from './planned-read.js'
import { type PlanSettings, planCost, planReads, type ReadPlan } from './read-plan.js'

const settings: PlanSettings = { baud: 9600, format: '8N1', turnaroundMs: 15 }

function profileOf(items: readonly object[], more: object = {}): ModbusProfile {
  const profile = meterProfileSchema.parse({
    id: 'test-meter',
    manufacturer: 'Test',
    models: ['T1'],
    title: { zh: '测试', en: 'Test' },
    serial: { baud: 9600, format: '8N1' },
    sources: ['made for this test'],
    protocol: 'modbus',
    read_function: 3,
    items,
    ...more,
  })
  invariant(profile.protocol === 'modbus', 'a Modbus profile')
  return profile
}

const item = (address: number, type = 'u16', more: object = {}) => ({
  quantity: QUANTITY_NAMES[address % QUANTITY_NAMES.length],
  address,
  type,
  ...(type.startsWith('f') ? { exponent: -2 } : {}),
  ...more,
})
const plan = (profile: ModbusProfile, turnaroundMs = 15) =>
  planReads({ profile, items: profile.items, settings: { ...settings, turnaroundMs } })
const splitAfterException = ({ request }: ReadPlan, read: PlannedRead): ReadPlan =>
  planReads({ ...request, learnt: afterRefusal(request.learnt ?? NOTHING_LEARNT, read, 'exception') })
const ranges = (reads: readonly PlannedRead[]) =>
  reads.map((read) => {
    const { address, count } = modbus(read)
    return [address, count]
  })
function modbus(read: PlannedRead | undefined): PlannedModbusRead {
  invariant(read?.protocol === 'modbus', 'a Modbus read')
  return read
}

describe('a plan', () => {
  it('reads through a gap only while its registers cost less wire than another request', () => {
    // 13 characters + t3.5 + 15 ms = 32.6 ms at 9600 8N1; a register is 2.08 ms: 15 fit, 16 do not.
    expect(ranges(plan(profileOf([item(0), item(16)])).reads)).toEqual([[0, 17]])
    expect(ranges(plan(profileOf([item(0), item(17)])).reads)).toEqual([
      [0, 1],
      [17, 1],
    ])
    expect(ranges(plan(profileOf([item(0), item(25)]), 40).reads)).toEqual([[0, 26]])
  })

  it('costs 8 + 5 + 2n characters, turnaround and t3.5 per request', () => {
    const cost = planCost(plan(profileOf([item(0, 'f32'), item(2, 'f32')])))
    expect(cost).toMatchObject({ requests: 1, registers: 4 })
    expect(cost.ms).toBeCloseTo(((8 + 5 + 8) * 10_000) / 9600 + 15 + (3.5 * 11_000) / 9600, 9)
  })

  it('never asks for more than the meter takes, and never splits a value', () => {
    const profile = profileOf([item(0, 'u64'), item(4, 'u64'), item(8, 'u32')], { max_registers: 7 })
    expect(ranges(plan(profile).reads)).toEqual([
      [0, 4],
      [4, 6],
    ])
  })

  it('keeps out of forbidden ranges, documented holes and holes', () => {
    const items = [item(0), item(4)]
    expect(ranges(plan(profileOf(items, { forbidden: [{ from: 2, to: 2, why: 'reboots' }] })).reads)).toHaveLength(2)
    expect(plan(profileOf(items, { read_through: 'no' })).reads).toHaveLength(2)
    expect(plan(profileOf(items, { read_through: 'documented' })).reads).toHaveLength(2)
    const filled = profileOf([...items, item(1, 'u32'), item(3)], { read_through: 'documented' })
    expect(planReads({ profile: filled, items: filled.items.slice(0, 2), settings }).reads).toHaveLength(1)
  })

  it('starts and ends on even addresses where the meter wants it', () => {
    expect(ranges(plan(profileOf([item(3), item(6)], { alignment: 'even' })).reads)).toEqual([[2, 6]])
  })

  it('reads an item alone that answers something else inside a block, and merges across it', () => {
    const reads = plan(profileOf([item(0), item(1, 'u16', { alone: true }), item(2)])).reads
    expect(ranges(reads)).toEqual([
      [0, 3],
      [1, 1],
    ])
    expect(modbus(reads[0]).items.map(({ item: each, offset }) => [each.address, offset])).toEqual([
      [0, 0],
      [2, 4],
    ])
  })

  it('reads a scale factor with its value, and keeps functions apart', () => {
    const profile = profileOf([item(10, 'u16', { scale_factor_address: 14 }), item(11, 'u16', { function: 4 })])
    expect(
      plan(profile).reads.map((read) => [modbus(read).function, modbus(read).address, modbus(read).count]),
    ).toEqual([
      [3, 10, 5],
      [4, 11, 1],
    ])
  })

  it('takes DL/T 645 items of one identifier with one read', () => {
    const profile = meterProfileSchema.parse({
      id: 'test-645',
      manufacturer: 'Test',
      models: ['T1'],
      title: { zh: '测试', en: 'Test' },
      serial: { baud: 2400, format: '8E1' },
      sources: ['made for this test'],
      protocol: 'dlt645',
      items: [
        { quantity: 'voltage_a', di: '0201ff00', bytes: 2, scale: '0.1' },
        { quantity: 'voltage_b', di: '0201ff00', bytes: 2, offset: 2, scale: '0.1' },
        { quantity: 'energy_active_import_total', di: '00010000', bytes: 4, scale: '0.01' },
      ].map((each) => ({ ...each, quantity: QUANTITY_NAMES[0] })),
    })
    const { reads } = planReads({ profile, items: profile.items, settings })
    expect(reads.map((read) => read.items.length)).toEqual([2, 1])
  })
})

describe('a plan learns from exceptions', () => {
  it('parts a merged read at its widest gap, remembers it, and asks no more for what is refused alone', () => {
    const profile = profileOf([item(0), item(2), item(6), item(7)])
    const first = plan(profile)
    expect(ranges(first.reads)).toEqual([[0, 8]])
    const [read] = first.reads
    invariant(read, 'one read')
    const second = splitAfterException(first, read)
    expect(ranges(second.reads)).toEqual([
      [0, 3],
      [6, 2],
    ])
    const again = planReads({
      profile,
      items: profile.items,
      settings,
      learnt: JSON.parse(JSON.stringify(second.request.learnt)),
    })
    expect(ranges(again.reads)).toEqual(ranges(second.reads))
  })

  it('still merges the rest when a parting falls between values that share a scale factor', () => {
    const values = [0, 1, 2, 3].map((address) => item(address, 'u16', { scale_factor_address: 6, exponent: -1 }))
    const first = plan(profileOf([...values, item(4), item(5)]))
    const [whole] = first.reads
    invariant(whole, 'one read')
    expect(ranges(splitAfterException(first, whole).reads)).toEqual([
      [0, 7],
      [1, 6],
      [2, 5],
      [3, 4],
    ])
  })

  it('finds any set of refused registers with fewer exceptions than items, and then reads all the others', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(60), { minLength: 1, maxLength: 12 }),
        fc.uniqueArray(fc.nat(60), { maxLength: 8 }),
        (places, holes) => {
          const profile = profileOf(places.map((address) => item(address)))
          let current = plan(profile)
          let exceptions = 0
          for (;;) {
            const refused = current.reads.find((each) => {
              const { address, count } = modbus(each)
              return holes.some((hole) => hole >= address && hole < address + count)
            })
            if (!refused) break
            exceptions += 1
            current = splitAfterException(current, refused)
          }
          expect(exceptions).toBeLessThan(2 * places.length)
          expect(current.left.map(({ item: each }) => ('address' in each ? each.address : -1)).sort()).toEqual(
            places.filter((place) => holes.includes(place)).sort(),
          )
        },
      ),
    )
  })
})

const TYPES = ['u16', 'u32', 'u64', 'f32'] as const
/** Items side by side with random gaps, and random limits of a meter. */
const meter = (most: number) =>
  fc
    .record({
      gaps: fc.array(fc.record({ gap: fc.nat(30), type: fc.constantFrom(...TYPES), alone: fc.boolean() }), {
        minLength: 1,
        maxLength: most,
      }),
      max_registers: fc.integer({ min: 6, max: 125 }),
      alignment: fc.constantFrom('none', 'even'),
      read_through: fc.constantFrom('yes', 'documented', 'no'),
      forbidden: fc.array(fc.nat(400), { maxLength: 3 }),
      turnaround: fc.integer({ min: 1, max: 300 }),
    })
    .map(({ gaps, turnaround, forbidden, ...limits }) => {
      let next = 0
      const items = gaps.map(({ gap, type, alone }) => {
        const address = next + gap
        next = address + registersOf(type)
        return item(address, type, alone && gap > 25 ? { alone } : {})
      })
      const ranges = forbidden.map((at) => ({ from: at, to: at, why: 'test' }))
      return { profile: profileOf(items, { ...limits, forbidden: ranges }), turnaround }
    })

describe('every plan', () => {
  it('covers every wanted item once, in legal reads, with the right offsets', () => {
    fc.assert(
      fc.property(meter(40), fc.infiniteStream(fc.boolean()), ({ profile, turnaround }, pick) => {
        const items = profile.items.filter(() => pick.next().value)
        const { reads, left } = planReads({ profile, items, settings: { ...settings, turnaroundMs: turnaround } })
        const covered = reads.flatMap((read) => modbus(read).items.map((placed) => placed.item))
        expect(
          [...covered, ...left.map(({ item: each }) => each)]
            .map(({ quantity: _, ...each }) => JSON.stringify(each))
            .sort(),
        ).toEqual(items.map(({ quantity: _, ...each }) => JSON.stringify(each)).sort())
        for (const read of reads.map(modbus)) {
          expect(
            isLegal(
              read.items.map(({ item: each }) => extent(each)),
              profile,
              [],
            ),
          ).toBe(true)
          expect(read.count).toBeLessThanOrEqual(profile.max_registers)
          for (const { item: each, offset } of read.items) {
            expect(offset).toBe((each.address - read.address) * 2)
            expect(each.address + registersOf(each.type)).toBeLessThanOrEqual(read.address + read.count)
          }
          for (const { from } of profile.forbidden)
            expect(from < read.address || from >= read.address + read.count).toBe(true)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('costs no more than any other partition of its items (brute force over all of them), nor than one read per item', () => {
    fc.assert(
      fc.property(meter(7), ({ profile, turnaround }) => {
        const made = planReads({ profile, items: profile.items, settings: { ...settings, turnaroundMs: turnaround } })
        const wanted = profile.items.filter((each) => !made.left.some(({ item: one }) => one === each)).map(extent)
        const price = (group: readonly Extent[]): number => {
          const even = profile.alignment === 'even'
          const low = Math.min(...group.map(({ from }) => from))
          const high = Math.max(...group.map(({ to }) => to))
          const count = (even ? high + (high % 2) : high) - (even ? low - (low % 2) : low)
          return ((13 + 2 * count) * 10_000) / 9600 + (3.5 * 11_000) / 9600 + turnaround
        }
        const mayTogether = (group: readonly Extent[]): boolean =>
          isLegal(group, profile, []) && (group.length === 1 || group.every(({ item: each }) => !each.alone))
        const best = Math.min(
          ...partitions(wanted)
            .filter((groups) => groups.every(mayTogether))
            .map((groups) => groups.reduce((sum, group) => sum + price(group), 0)),
        )
        expect(planCost(made).ms).toBeCloseTo(wanted.length === 0 ? 0 : best, 6)
      }),
      { numRuns: 300 },
    )
  })

  it('is found quickly for the largest maps', () => {
    const items = Array.from({ length: 300 }, (_, i) => item(i * 3, 'u32'))
    expect(plan(profileOf(items), 40).left).toEqual([])
    expect(planReads({ profile: profileOf(items), items: [], settings, learnt: NOTHING_LEARNT }).reads).toEqual([])
  })
})

const extent = (each: ModbusProfile['items'][number]): Extent => ({
  item: each,
  function: 3,
  from: each.address,
  to: each.address + registersOf(each.type),
})

function partitions<T>(list: readonly T[]): T[][][] {
  const [first, ...rest] = list
  if (first === undefined) return [[]]
  return partitions(rest).flatMap((groups) => [
    [[first], ...groups],
    ...groups.map((group, i) => [...groups.slice(0, i), [first, ...group], ...groups.slice(i + 1)]),
  ])
}
