import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { quantity } from '../quantity/quantity.js'
import { checkProfile, findProfile, loadBuiltinProfiles, namesOf, parseProfile, renderMeterList } from './library.js'
import { PROBLEMS, REMEDIES } from './problem-texts.js'
import { meterProfileSchema } from './schema.js'

const profiles = loadBuiltinProfiles()
const good = {
  id: 'test-meter',
  manufacturer: 'Test',
  models: ['T1'],
  title: { zh: '测试', en: 'Test' },
  serial: { baud: 9600, format: '8N1' },
  sources: ['made up'],
  protocol: 'modbus',
  read_function: 3,
  max_registers: 20,
  forbidden: [{ from: 100, to: 110, why: 'hole' }],
}
const volts = { quantity: 'voltage_l1_n', address: 0, type: 'u16', scale: '0.1' }
const sign = { what: 'model', function: 3, address: 11, count: 1 }
const problemsOf = (fields: object): string[] => {
  const parsed = parseProfile({ ...good, items: [volts], ...fields })
  return parsed.ok ? [] : parsed.fault.map(({ path, problem }) => `${path}: ${problem}`)
}

describe('the meter library', () => {
  it('holds every meter of the field notes and passes its own checks', () => {
    expect(profiles.length).toBeGreaterThanOrEqual(50)
    for (const profile of profiles) expect(checkProfile(profile)).toEqual([])
  })

  it('gives no name to two profiles', () => {
    const owners = new Map<string, Set<string>>()
    for (const profile of profiles)
      for (const name of namesOf(profile)) {
        const key = name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
        owners.set(key, (owners.get(key) ?? new Set()).add(profile.id))
      }
    expect([...owners].filter(([, ids]) => ids.size > 1).map(([name, ids]) => [name, ...ids])).toEqual([])
  })

  it('finds a meter by what is printed on it', () => {
    expect(findProfile('SDM630-Modbus V2', profiles)?.id).toBe('eastron-sdm630')
    expect(findProfile('dtsu666', profiles)?.id).toBe('chint-dtsu666')
    expect(findProfile('DTSU666-H', profiles)?.id).toBe('huawei-dtsu666-h')
    expect(findProfile('toaster', profiles)).toBeUndefined()
  })

  it('gives every electricity meter an energy or power to read, and every counter a count or input', () => {
    for (const profile of profiles) {
      const names = profile.items.map((item) => item.quantity)
      if (profile.category === 'counter') expect(names.some((name) => /^(pulse_count|di_state)_/.test(name))).toBe(true)
      else if (profile.id !== 'acrel-acr10r') expect(names.some((name) => quantity(name).unit === 'kWh')).toBe(true)
    }
  })

  it('asks for no signature that the profile forbids', () => {
    for (const profile of profiles) {
      if (profile.protocol !== 'modbus') continue
      for (const { address, count, expect: expected, what } of profile.signature) {
        const hits = profile.forbidden.filter(({ from, to }) => address <= to && address + count > from)
        if (!('exception' in expected)) expect([profile.id, what, hits]).toEqual([profile.id, what, []])
        expect(count).toBeLessThanOrEqual(profile.max_registers)
      }
    }
  })

  it('keeps the list in the docs up to date', () => {
    const committed = readFileSync(new URL('../../../docs/meters.md', import.meta.url), 'utf8')
    expect(committed).toBe(renderMeterList(profiles))
  })
})

describe('checking a profile somebody wrote', () => {
  it('accepts a sound one', () => expect(problemsOf({})).toEqual([]))

  it('says where, which value and what to do', () => {
    const parsed = parseProfile({ ...good, items: [{ ...volts, scale: 0.1 }], baudrate: 9600 })
    expect(parsed.ok).toBe(false)
    const faults = parsed.ok ? [] : parsed.fault
    expect(faults.find(({ path }) => path === 'items[0].scale')).toMatchObject({
      value: '0.1',
      remedy: expect.stringContaining('quotes'),
    })
    expect(faults.find(({ problem }) => problem.includes('baudrate'))?.remedy).toContain('remove')
  })

  it.each([
    [
      'a signature of another size than its read',
      { signature: [{ ...sign, count: 2, expect: { type: 'u16', min: 1, max: 2 } }] },
      'signature[0].count: a u16 takes 1 register',
    ],
    [
      'a signature no answer can meet',
      { signature: [{ ...sign, expect: { hex: ['12345'] } }] },
      'signature[0].expect.hex[0]: a read of 1 gives 4 hex digits',
    ],
    [
      'a signature from more to less',
      { signature: [{ ...sign, expect: { type: 'u16', min: 5, max: 2 } }] },
      'signature[0].expect: ends before it starts',
    ],
    [
      'a signature where nothing may be read',
      { signature: [{ ...sign, address: 100, expect: { hex: ['0001'] } }] },
      'signature[0].address: lies in forbidden[0] (hole)',
    ],
    [
      'a ratio register times nothing',
      { ratio_registers: { ct: { address: 6, type: 'u16', scale: '0' } } },
      'ratio_registers.ct.scale: is zero or too long',
    ],
    [
      'overlapping items',
      {
        items: [
          { ...volts, type: 'u32' },
          { ...volts, quantity: 'current_l1', address: 1 },
        ],
      },
      'items[1].address: overlaps items[0], which ends at 1',
    ],
    [
      'a quantity read twice',
      { items: [volts, { ...volts, address: 9 }] },
      'items[1].quantity: already read by items[0]',
    ],
    [
      'an item in a forbidden range',
      { items: [{ ...volts, address: 105 }] },
      'items[0].address: lies in forbidden[0] (hole)',
    ],
    [
      'an item larger than a request',
      { max_registers: 1, items: [{ ...volts, type: 'u32' }] },
      'items[0].type: takes 2 registers, one request may ask for 1',
    ],
    [
      'an odd address on an even map',
      { alignment: 'even', items: [{ ...volts, address: 3, type: 'u32' }] },
      'items[0].address: alignment is even, but this reads 2 from an odd place or an odd count',
    ],
    [
      'a float without digits',
      { items: [{ ...volts, type: 'f32' }] },
      'items[0].exponent: floats and scaled integers have no digits of their own',
    ],
    [
      'a float times three',
      { items: [{ ...volts, type: 'f32', exponent: -1, scale: '0.3' }] },
      'items[0].scale: a float may be scaled by a power of ten only',
    ],
    [
      'a ratio on primary values',
      { items: [{ ...volts, ratio: 'pt' }] },
      'items[0].ratio: the profile says its values are primary',
    ],
    [
      'the wrong ratio',
      { values_are: 'secondary', items: [{ ...volts, ratio: 'ct' }] },
      'items[0].ratio: does not apply to voltage_l1_n in V',
    ],
    ['secondary values without a ratio', { values_are: 'secondary' }, 'values_are: no item has a ratio'],
    [
      'a mark of the wrong width',
      { items: [{ ...volts, not_available: ['ffffffff'] }] },
      'items[0].not_available: a u16 has 4 hex digits',
    ],
    [
      'a modulus on a gauge',
      { items: [{ ...volts, modulus: '10000' }] },
      'items[0].modulus: voltage_l1_n is no counter',
    ],
    [
      'a value past the last address',
      { items: [{ ...volts, address: 65535, type: 'u32' }] },
      'items[0].address: runs over address 65535',
    ],
    [
      'a register read as a bit',
      { items: [{ ...volts, type: 'bit' }] },
      'items[0].type: bits come by functions 1 and 2, registers by 3 and 4',
    ],
    [
      'a scale factor out of reach',
      { items: [{ ...volts, type: 'i16', exponent: -1, scale: '1', scale_factor_address: 20 }] },
      'items[0].scale_factor_address: too far away to be read in one request',
    ],
    [
      'a forbidden range that ends before it starts',
      { forbidden: [{ from: 9, to: 8, why: 'hole' }] },
      'forbidden[0]: ends before it starts',
    ],
    ['a scale of zero', { items: [{ ...volts, scale: '0.0' }] }, 'items[0].scale: is zero or too long'],
    [
      'tenths of a pulse',
      { items: [{ ...volts, quantity: 'pulse_count_1' }] },
      'items[0].scale: pulses are counted whole',
    ],
    [
      'a modulus beyond the type',
      { items: [{ ...volts, quantity: 'energy_active_import_total', modulus: '65537' }] },
      'items[0].modulus: is zero, or more than the type ever counts to',
    ],
  ])('refuses %s', (_, fields, problem) => expect(problemsOf(fields)).toContain(problem))

  const dlt645ProblemsOf = (fields: object): string[] => {
    const { read_function: _f, max_registers: _m, forbidden: _h, ...base } = good
    const parsed = parseProfile({ ...base, protocol: 'dlt645', ...fields })
    return parsed.ok ? [] : parsed.fault.map(({ problem }) => problem)
  }
  const amps = { quantity: 'current_l1', di: '02020100', bytes: 3, scale: '0.001' }

  it('refuses a DL/T 645 item of another unit or width', () => {
    expect(dlt645ProblemsOf({ items: [amps] })).toEqual([])
    expect(dlt645ProblemsOf({ items: [{ ...amps, di: '02010100' }] })).toEqual([
      '02010100 is in V, not A',
      '02010100 has 2 bytes a value',
    ])
  })

  it('refuses DL/T 645 items that share bytes, and identifiers of the other edition', () => {
    const block = { ...amps, di: '0202ff00' }
    expect(dlt645ProblemsOf({ items: [block, { ...block, quantity: 'current_l2', offset: 2 }] })).toEqual([
      'overlaps items[0] in 0202ff00',
      'the values of 0202ff00 begin at 0, 3 … 6',
    ])
    expect(dlt645ProblemsOf({ edition: '1997', items: [amps] })).toEqual(['identifiers of 1997 have two bytes'])
  })

  it('refuses a DL/T 645 value from between two others, behind a block or behind a single value', () => {
    const offset = (di: string, at: number) => dlt645ProblemsOf({ items: [{ ...amps, di, offset: at }] })
    expect([0, 3, 6].flatMap((at) => offset('0202ff00', at))).toEqual([])
    expect(offset('0202ff00', 1)).toEqual(['the values of 0202ff00 begin at 0, 3 … 6'])
    expect(offset('0202ff00', 9)).toEqual(['the values of 0202ff00 begin at 0, 3 … 6'])
    expect(offset('02020100', 3)).toEqual(['02020100 holds one value only'])
    const hertz = { quantity: 'frequency', di: '02800002', bytes: 3, scale: '0.01' }
    expect(dlt645ProblemsOf({ items: [hertz] })).toEqual(['02800002 has 2 bytes a value'])
  })

  it('refuses a usual turnaround longer than the longest', () => {
    const profile = meterProfileSchema.parse({ ...good, items: [volts], turnaround_ms: { typical: 600, max: 500 } })
    expect(checkProfile(profile)).toMatchObject([
      { path: 'turnaround_ms.typical', value: '600', problem: { en: 'is more than turnaround_ms.max (500)' } },
    ])
  })

  it('says each of these in Chinese as well', () => {
    const own = { ...good, items: [volts, { ...volts, address: 9 }] }
    const profile = meterProfileSchema.parse(own)
    const [found] = checkProfile(profile)
    expect(found).toMatchObject({ problem: { zh: 'items[0] 已经读这个量' }, remedy: { zh: '两项只留一项' } })
    const plain = [...Object.values(PROBLEMS), ...Object.values(REMEDIES)].filter((text) => typeof text === 'object')
    for (const { zh, en } of plain) {
      expect(zh).toMatch(/\p{Script=Han}/u)
      expect(en).not.toMatch(/\p{Script=Han}/u)
    }
  })
})
