import { type PlannedModbusRead, planCost, planReads, type ReadPlan } from '@metergate/agent'
import { invariant, type ModbusProfile } from '@metergate/protocol'
import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { type PlantSpec, plantSpecSchema } from '@metergate/simulator'

/** The line every contender of the bus bench works on: 9600 8N1, meters that take 15 ms to answer, 20 quantities each. */
export const LINE = { baud: 9600, format: '8N1' } as const
export const TURNAROUND_MS = 15
/** What a master waits for a meter that does not answer, where it has to be told. */
export const TIMEOUT_MS = 500
const PROFILE = 'chint-dtsu666'
const QUANTITIES = 20

/** A common three-phase meter, cut down to 20 of its quantities: 18 of the instant, import and export energy. */
export function benchProfile(): ModbusProfile {
  const profile = loadBuiltinProfiles().find(({ id }) => id === PROFILE)
  invariant(profile?.protocol === 'modbus', `no profile ${PROFILE}`)
  const energy = profile.items.filter(({ quantity }) => /^energy_active_(import|export)_total$/.test(quantity))
  const instant = profile.items
    .filter(({ quantity }) => !quantity.startsWith('energy'))
    .slice(0, QUANTITIES - energy.length)
  const items = [...instant, ...energy]
  invariant(items.length === QUANTITIES, `${items.length} quantities`)
  return { ...profile, items }
}

/** The plant: `meters` of them, each on its own constant load. */
export function benchPlant(meters: number): PlantSpec {
  return plantSpecSchema.parse({
    seed: 1,
    line: LINE,
    loads: [{ id: 'motor', kind: 'constant', ratedW: 30_000 }],
    meters: Array.from({ length: meters }, (_, index) => ({
      id: `meter-${index + 1}`,
      profile: PROFILE,
      unit: index + 1,
      loads: ['motor'],
      ct: 40,
      turnaroundMs: TURNAROUND_MS,
    })),
  })
}

/** The best block plan for one meter: also what the hand-blocked loop asks. */
export function bestPlan(): ReadPlan {
  const profile = benchProfile()
  return planReads({ profile, items: profile.items, settings: { ...LINE, turnaroundMs: TURNAROUND_MS } })
}

export const blocksOf = (plan: ReadPlan): PlannedModbusRead[] =>
  plan.reads.flatMap((read) => (read.protocol === 'modbus' ? [read] : []))

/**
 * Theoretical minimum of one cycle over `live` meters: per request (8 + 5 + 2·registers) characters + turnaround +
 * t3.5, with the best block plan. Milliseconds.
 */
export const minimumMs = (live: number): number => live * planCost(bestPlan()).ms
