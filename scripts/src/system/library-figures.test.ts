import { formatAmount, type MeterProfile, type ReadingValue } from '@metergate/protocol'
import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { describe, expect, it } from 'vitest'
import { expectedText, type Figure, figuresOf, type WrittenItem, writtenProfile } from './hand-meter.js'
import { CT, PT, readAll } from './hand-reader.js'
import { type Mistake, slaveOf } from './hand-slave.js'

const profiles = loadBuiltinProfiles()

function timesOf(item: WrittenItem, profile: MeterProfile): bigint {
  if (profile.values_are !== 'secondary') return 1n
  return { none: 1n, ct: CT, pt: PT, ct_pt: CT * PT }[item.ratio]
}

const plain = (text: string): string => (text.includes('.') ? text.replace(/\.?0*$/, '') : text)

interface Compared {
  readonly items: number
  readonly agreed: number
  readonly differ: readonly string[]
}

async function compared(profile: MeterProfile, mistake: Mistake): Promise<Compared> {
  const written = writtenProfile(profile.id)
  const figures = figuresOf(written)
  const values = await readAll(profile, slaveOf(written, figures, mistake))
  const differ = figures.flatMap((figure) => difference(figure, profile, values))
  return { items: figures.length, agreed: figures.length - differ.length, differ }
}

function difference(figure: Figure, profile: MeterProfile, values: readonly ReadingValue[]): string[] {
  const { item } = figure
  const value = values.find(({ quantity }) => quantity === item.quantity)
  const got = value === undefined ? 'not read' : 'value' in value ? plain(formatAmount(value.value)) : value.absent
  const wanted = expectedText(figure, timesOf(item, profile))
  return got === wanted ? [] : [`${item.quantity}: ${got}, is ${wanted}`]
}

/** Models that have anything to turn round: values of more than one word or byte. */
const turnable = profiles.filter(({ items }) =>
  items.some((item) => ('type' in item ? !/16$|^bit$/.test(item.type) : item.bytes > 1)),
)

it('is the whole library', () => {
  expect(profiles.length).toBeGreaterThanOrEqual(56)
  expect(turnable.length).toBeGreaterThanOrEqual(53)
})

describe('every item of every model, read off a meter that was written from the profile by other hands', () => {
  it.each(profiles.map((profile) => [profile.id, profile] as const))('%s', async (_, profile) => {
    const { differ, items } = await compared(profile, 'none')
    expect(differ).toEqual([])
    expect(items).toBe(profile.items.length)
  })
})

describe('and it is noticed when the words or bytes of a value are the wrong way round', () => {
  it.each(turnable.map((profile) => [profile.id, profile] as const))('%s', async (_, profile) => {
    const { differ } = await compared(profile, 'order')
    expect(differ.length).toBeGreaterThan(0)
  })
})
