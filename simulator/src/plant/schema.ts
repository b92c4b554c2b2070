import { baudSchema, meterIdSchema, serialFormatSchema } from '@metergate/protocol'
import { z } from 'zod'
import { SHIFT_PATTERNS } from './calendar.js'

const ratedW = z.number().int().min(1).max(10_000_000)
const shifts = z.enum(SHIFT_PATTERNS).default('double')
const loadId = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,31}$/)

/** Something that draws power; `press` also makes pieces. */
export const loadSpecSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    id: loadId,
    kind: z.literal('press'),
    ratedW,
    shifts,
    /** Mean seconds of one cycle, and good pieces it gives. */
    cycleS: z.number().int().min(5).max(600).default(24),
    cavities: z.number().int().min(1).max(64).default(2),
  }),
  z.strictObject({ id: loadId, kind: z.literal('compressor'), ratedW, shifts }),
  z.strictObject({ id: loadId, kind: z.literal('lighting'), ratedW, shifts }),
  z.strictObject({
    id: loadId,
    kind: z.literal('constant'),
    ratedW,
    powerFactor: z.number().min(0.1).max(1).default(0.9),
  }),
])
export type LoadSpec = z.infer<typeof loadSpecSchema>

const digits = z.string().regex(/^\d+(\.\d+)?$/, 'a plain decimal in quotes, e.g. "12345.67"')
const phase = z.number().int().min(1).max(3)
const ratio = z.number().int().min(1).max(10_000)

/** One simulated meter: a profile of the library on a line, and what it measures. */
export const meterSpecSchema = z.strictObject({
  id: meterIdSchema,
  profile: z.string(),
  /** Modbus unit; for DL/T 645 the twelve digits stand in `address`. */
  unit: z.number().int().min(0).max(255).optional(),
  address: z
    .string()
    .regex(/^\d{12}$/)
    .optional(),
  /** The loads behind this meter; a main meter lists all of them. A counter lists the presses whose pieces it counts. */
  loads: z.array(loadId).min(1),
  /** Ratio of the transformers: matters for profiles whose values are secondary. */
  ct: ratio.default(1),
  pt: ratio.default(1),
  /** Serial settings, where they differ from the line's. */
  baud: baudSchema.optional(),
  format: serialFormatSchema.optional(),
  /** From the last byte of the request to the first of the answer. */
  turnaroundMs: z.number().min(0).max(10_000).default(15),
  /** What the import register showed at `since`, kWh on the primary side; a counter: pieces. */
  startReading: digits.default('0'),
  /** How often the meter renews its registers; 0 = at every answer. */
  refreshMs: z.number().int().min(0).max(60_000).default(1000),
  /** What it says to reads of what it does not have: an exception, or nothing at all, as some meters do. */
  refusal: z.enum(['exception', 'silence']).default('exception'),
  /** DL/T 645: FE bytes before an answer, and data bytes a frame takes before the rest follows in further ones. */
  wakeUps: z.number().int().min(0).max(8).default(4),
  frameDataBytes: z.number().int().min(4).max(194).default(194),
  /** Mistakes of the electrician, by phase: transformers turned round or exchanged, a voltage wire missing. */
  wiring: z
    .strictObject({
      reversed_ct: z.array(phase).default([]),
      missing_voltage: z.array(phase).default([]),
      swapped_ct: z.tuple([phase, phase]).optional(),
    })
    .optional(),
})
export type MeterSpec = z.infer<typeof meterSpecSchema>

/** A plant: loads, meters and the line they hang on. Everything else follows from `seed` and the time. */
export const plantSpecSchema = z
  .strictObject({
    seed: z.number().int().min(0).max(0xffffffff).default(1),
    /** When all counters stood at their `startReading`. Truth before it is not defined. */
    since: z
      .number()
      .int()
      .min(0)
      .default(Date.UTC(2026, 8, 1) - 8 * 3_600_000),
    line: z
      .strictObject({ baud: baudSchema.default(9600), format: serialFormatSchema.default('8N1') })
      .default({ baud: 9600, format: '8N1' }),
    loads: z.array(loadSpecSchema).min(1),
    meters: z.array(meterSpecSchema).min(1),
  })
  .superRefine((plant, context) => {
    const known = new Set(plant.loads.map((load) => load.id))
    if (known.size !== plant.loads.length)
      context.addIssue({ code: 'custom', path: ['loads'], message: 'two loads have the same id' })
    plant.meters.forEach((meter, index) => {
      for (const id of meter.loads) {
        if (!known.has(id))
          context.addIssue({ code: 'custom', path: ['meters', index, 'loads'], message: `no load is called "${id}"` })
      }
      if (meter.unit === undefined && meter.address === undefined) {
        context.addIssue({
          code: 'custom',
          path: ['meters', index],
          message: 'give "unit" (Modbus) or "address" (DL/T 645)',
        })
      }
    })
    if (new Set(plant.meters.map((meter) => meter.id)).size !== plant.meters.length) {
      context.addIssue({ code: 'custom', path: ['meters'], message: 'two meters have the same id' })
    }
  })
export type PlantSpec = z.infer<typeof plantSpecSchema>
