import type { ShiftPattern } from './calendar.js'
import { type PlantSpec, plantSpecSchema } from './schema.js'

/** What may be changed about the demo plant. */
export interface DemoPlantOptions {
  /** When the counters stood at their start readings. Default: 2026-09-01 in China. */
  readonly sinceMs?: number
  readonly baud?: PlantSpec['line']['baud']
  /** Default: `double`, round the clock but for meals and Sundays. */
  readonly shifts?: ShiftPattern
}

/**
 * A small moulding shop on one line, 9600 8N1: main meter (unit 1), two presses behind transformers (2, 3), the
 * compressor (4), and a counter of good pieces of both presses (10).
 */
export function demoPlant(seed = 1, options: DemoPlantOptions = {}): PlantSpec {
  const shifts = options.shifts ?? 'double'
  return plantSpecSchema.parse({
    seed,
    ...(options.sinceMs === undefined ? {} : { since: options.sinceMs }),
    ...(options.baud === undefined ? {} : { line: { baud: options.baud } }),
    loads: [
      { id: 'press-1', kind: 'press', shifts, ratedW: 46_000, cycleS: 24, cavities: 2 },
      { id: 'press-2', kind: 'press', shifts, ratedW: 33_000, cycleS: 18, cavities: 2 },
      { id: 'compressor', kind: 'compressor', shifts, ratedW: 22_000 },
      { id: 'lighting', kind: 'lighting', shifts, ratedW: 6_500 },
    ],
    meters: [
      {
        id: 'main',
        profile: 'eastron-sdm630',
        unit: 1,
        loads: ['press-1', 'press-2', 'compressor', 'lighting'],
        startReading: '8211.37',
      },
      { id: 'press-1', profile: 'chint-dtsu666', unit: 2, loads: ['press-1'], ct: 40, startReading: '16893.2' },
      { id: 'press-2', profile: 'acrel-adl400', unit: 3, loads: ['press-2'], ct: 30, startReading: '9120.6' },
      { id: 'compressor', profile: 'eastron-sdm630', unit: 4, loads: ['compressor'], startReading: '7734.91' },
      {
        id: 'counter',
        profile: 'advantech-adam-4150',
        unit: 10,
        loads: ['press-1', 'press-2'],
        startReading: '1204450',
        refreshMs: 0,
      },
    ],
  })
}
