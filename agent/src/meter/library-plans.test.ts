import { groupOf } from '@metergate/protocol'
import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { describe, expect, it } from 'vitest'
import { planReads } from './read-plan.js'

describe('every profile of the library', () => {
  it.each(loadBuiltinProfiles().map((profile) => [profile.id, profile] as const))(
    '%s can be read whole, and group by group',
    (_, profile) => {
      const settings = {
        baud: profile.serial.baud,
        format: profile.serial.format,
        turnaroundMs: profile.turnaround_ms.typical,
      }
      const whole = planReads({ profile, items: profile.items, settings })
      expect(whole.left).toEqual([])
      expect(whole.reads.length).toBeGreaterThan(0)
      for (const group of ['power', 'energy', 'rare', 'identity'] as const) {
        const items = [...profile.items].filter((item) => groupOf(item) === group)
        const plan = planReads({ profile, items, settings })
        expect(plan.left).toEqual([])
        expect(plan.reads.reduce((count, read) => count + read.items.length, 0)).toBe(items.length)
      }
    },
  )
})
