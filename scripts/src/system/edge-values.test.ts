import type { MeterProfile, ReadingValue } from '@metergate/protocol'
import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { describe, expect, it } from 'vitest'
import { type Figure, figuresOf, writtenProfile } from './hand-meter.js'
import { readAll } from './hand-reader.js'
import { refusing, slaveOf } from './hand-slave.js'

/** What registers hold where there is no number must never become one, least of all 0: through the whole bus, for every model. */
const profiles = loadBuiltinProfiles().filter(({ protocol }) => protocol === 'modbus')
const FLOATS: Readonly<Record<string, readonly string[]>> = {
  f32: ['7fc00000', 'ffc00000', '7f800001', '7f800000', 'ff800000', 'ffffffff'],
  f64: ['7ff8000000000000', '7ff0000000000000', 'fff0000000000000'],
}

/** Every item that has such a pattern, with the n-th of its patterns. */
function edges(profile: MeterProfile, nth: number): { readonly all: Figure[]; readonly marked: Figure[] } {
  const all = figuresOf(writtenProfile(profile.id)).map((figure): Figure => {
    const patterns = [...figure.item.not_available, ...(FLOATS[figure.item.type] ?? [])]
    const pattern = patterns[nth % patterns.length]
    return pattern === undefined ? figure : { ...figure, pattern }
  })
  return { all, marked: all.filter(({ pattern }) => pattern !== undefined) }
}

const withEdges = profiles.filter((profile) => edges(profile, 0).marked.length > 0)

describe.each(withEdges.map((profile) => [profile.id, profile] as const))('%s', (_, profile) => {
  it("takes NaN, the infinities and the maker's marks for no value, and reads the others all the same", async () => {
    for (let nth = 0; nth < 8; nth += 1) {
      const { all, marked } = edges(profile, nth)
      const values = await readAll(profile, slaveOf(writtenProfile(profile.id), all, 'none'))
      const read = new Map<string, ReadingValue>(values.map((value) => [value.quantity, value]))
      for (const { item, pattern } of marked) {
        const value = read.get(item.quantity)
        expect(value && 'absent' in value ? value.absent : 'a value', `${item.quantity} = ${pattern}`).toMatch(
          /^(not_available|out_of_range)$/,
        )
      }
      for (const { item, pattern } of all)
        if (pattern === undefined) expect(read.get(item.quantity), item.quantity).toHaveProperty('value')
    }
  })
})

describe('a meter that refuses', () => {
  it.each([1, 2, 3, 4, 5, 6])('with exception %i gives an absence for each value, never a zero', async (code) => {
    const [profile] = profiles
    if (!profile) throw new Error('no profile')
    const values = await readAll(profile, refusing(code))
    expect(values.length).toBe(profile.items.length)
    for (const value of values)
      expect(value).toMatchObject({ absent: expect.stringMatching(/^(exception|not_polled)$/) })
  })
})
