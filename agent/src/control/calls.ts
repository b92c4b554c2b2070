import {
  absenceReasonSchema,
  amountSchema,
  CLOCK_QUALITIES,
  epochMsSchema,
  eventRecordSchema,
  gapRecordSchema,
  meterIdSchema,
  productIdSchema,
  productionRecordSchema,
  quantityNameSchema,
  type Result,
  seqSchema,
  streamIdSchema,
  streamKindSchema,
  streamRecordSchema,
} from '@metergate/protocol'
import { z } from 'zod'
import { snapshotSchema } from '../health/snapshot.js'
import { STORE_EVENTS } from '../store/read-only.js'
import { FINDING_KINDS } from '../store/verify.js'
import { type ClockAnswer, type ClockConfirmation, clockAnswerSchema, clockConfirmSchema } from './clock-answer.js'
import { type EnergyReport, energyReportSchema } from './energy-answer.js'

export { type EnergyReport, energyReportSchema } from './energy-answer.js'

const RECORD_KINDS = ['reading', 'interval', 'production', 'unit_energy', 'event', 'anchor', 'gap'] as const

/** What may be asked of a gateway on this box, through the running daemon or without it. Money and secrets never. */

/** One value as read now; `raw` is the register content in hex, high word first, `where` its address or identifier. */
const readValueSchema = z.object({
  quantity: quantityNameSchema,
  value: amountSchema.optional(),
  absent: absenceReasonSchema.optional(),
  suspect: z.boolean().optional(),
  raw: z.string().optional(),
  where: z.string().optional(),
})

/** One read of everything a meter's model knows, taken now. */
export const meterReadoutSchema = z.object({
  meter: meterIdSchema,
  label: z.string(),
  profile: z.string(),
  line: z.string(),
  /** Unit id or DL/T 645 address. */
  unit: z.string(),
  at: epochMsSchema,
  clock: z.enum(CLOCK_QUALITIES),
  duration_ms: z.number(),
  values: z.array(readValueSchema),
  /** The first fault met, in the words of whoever met it: which port, which error. */
  why: z.string().optional(),
})
export type MeterReadout = z.infer<typeof meterReadoutSchema>

const energyRequestSchema = z.strictObject({ start: epochMsSchema, end: epochMsSchema })

const declarationSchema = z.strictObject({
  product: productIdSchema,
  count: amountSchema,
  unit: z.string().min(1).max(16),
  start: epochMsSchema,
  end: epochMsSchema,
  shift: z.string().max(16).optional(),
  note: z.string().max(200).optional(),
})
export type ProductionDeclaration = z.infer<typeof declarationSchema>

/** A production entry in its newest revision. */
export const productionEntrySchema = productionRecordSchema.omit({ kind: true, stamp: true })
export type ProductionEntry = z.infer<typeof productionEntrySchema>

/** Register values read off a meter by its quantity, in real units (CT and PT multiplied in), at an instant. */
const registersSchema = z.strictObject({
  at: epochMsSchema,
  values: z
    .array(z.strictObject({ quantity: quantityNameSchema, value: amountSchema }))
    .min(1)
    .max(8),
})
const exchangeSchema = z.strictObject({
  meter: meterIdSchema,
  /** When the old meter was taken out; the new segment begins after it. */
  at: epochMsSchema,
  cause: z.enum(['meter_exchange', 'ratio_change']),
  old_end: registersSchema.optional(),
  new_start: registersSchema.optional(),
})
export type MeterExchange = z.infer<typeof exchangeSchema>
/** What was recorded of it: the event's own facts. */
const exchangeAnswerSchema = z.object({ meter: meterIdSchema, facts: eventRecordSchema.shape.facts })
export type MeterExchanged = z.infer<typeof exchangeAnswerSchema>

const findingSchema = z.object({
  stream: streamIdSchema,
  what: z.enum(['batch', 'row', 'stream']),
  kind: z.enum(FINDING_KINDS),
  number: z.number(),
  last: z.number(),
  first: z.number(),
})
/** What is wrong in the store, and what it says of its own past. */
const verdictSchema = z.object({
  batches: z.number(),
  rows: z.number(),
  findings: z.array(findingSchema),
  file: z.string().optional(),
  gaps: z.array(gapRecordSchema),
  events: z.array(eventRecordSchema.extend({ code: z.enum(STORE_EVENTS) })),
})
export type StoreVerdict = z.infer<typeof verdictSchema>

const placeSchema = z.strictObject({ stream: streamIdSchema, seq: seqSchema })
const historyRequestSchema = z.strictObject({
  stream: streamKindSchema,
  kinds: z.array(z.enum(RECORD_KINDS)).min(1).optional(),
  meter: meterIdSchema.optional(),
  from: epochMsSchema,
  to: epochMsSchema,
  begin: placeSchema.optional(),
})
export type HistoryRequest = z.infer<typeof historyRequestSchema>
/** A page of records; the following one begins after `next`. */
const historySchema = z.object({
  records: z.array(z.object({ seq: seqSchema, record: streamRecordSchema })),
  next: placeSchema.optional(),
})
export type HistoryAnswer = z.infer<typeof historySchema>

export interface ControlRequests {
  status: Record<string, never>
  clock: Record<string, never>
  clock_confirm: ClockConfirmation
  read: { readonly meter: z.infer<typeof meterIdSchema> }
  energy: z.infer<typeof energyRequestSchema>
  production_add: { readonly entries: readonly ProductionDeclaration[] }
  production_list: z.infer<typeof energyRequestSchema>
  production_correct: ProductionCorrection
  meter_exchange: MeterExchange
  verify: Record<string, never>
  history: HistoryRequest
}
/** `count: null` withdraws the entry. */
export interface ProductionCorrection {
  readonly entry: string
  readonly count: z.infer<typeof amountSchema> | null
  readonly reason: string
}
export interface ControlAnswers {
  status: z.infer<typeof snapshotSchema>
  clock: ClockAnswer
  clock_confirm: ClockAnswer
  read: MeterReadout
  energy: EnergyReport
  production_add: readonly ProductionEntry[]
  production_list: readonly ProductionEntry[]
  production_correct: ProductionEntry
  meter_exchange: MeterExchanged
  verify: StoreVerdict
  history: HistoryAnswer
}
export type ControlCall = keyof ControlRequests

/** Why a call brought no answer. `why` is for a person and already in words; of `register` it is the last register known. */
export const controlFaultSchema = z.object({
  kind: z.enum([
    'unknown_meter',
    'unknown_product',
    'unknown_entry',
    'bad_request',
    'register',
    'line',
    'store',
    'failed',
  ]),
  why: z.string(),
})
export type ControlFault = z.infer<typeof controlFaultSchema>

/** What the gateway offers; the same whether asked through the socket or in this process. */
export type ControlHandlers = {
  readonly [C in ControlCall]: (
    request: ControlRequests[C],
    signal: AbortSignal,
  ) => Promise<Result<ControlAnswers[C], ControlFault>>
}

type ControlTable = {
  readonly [C in ControlCall]: {
    readonly request: z.ZodType<ControlRequests[C]>
    readonly answer: z.ZodType<ControlAnswers[C]>
    /** How long the client waits: a read waits for its turn on the line. */
    readonly timeoutMs: number
  }
}

export const CONTROL_CALLS: ControlTable = {
  status: { request: z.strictObject({}), answer: snapshotSchema, timeoutMs: 5_000 },
  clock: { request: z.strictObject({}), answer: clockAnswerSchema, timeoutMs: 5_000 },
  clock_confirm: { request: clockConfirmSchema, answer: clockAnswerSchema, timeoutMs: 30_000 },
  read: { request: z.strictObject({ meter: meterIdSchema }), answer: meterReadoutSchema, timeoutMs: 60_000 },
  energy: { request: energyRequestSchema, answer: energyReportSchema, timeoutMs: 30_000 },
  production_add: {
    request: z.strictObject({ entries: z.array(declarationSchema).min(1).max(10_000) }),
    answer: z.array(productionEntrySchema),
    timeoutMs: 30_000,
  },
  production_list: { request: energyRequestSchema, answer: z.array(productionEntrySchema), timeoutMs: 30_000 },
  production_correct: {
    request: z.strictObject({
      entry: z.string().max(80),
      count: amountSchema.nullable(),
      reason: z.string().min(1).max(200),
    }),
    answer: productionEntrySchema,
    timeoutMs: 30_000,
  },
  meter_exchange: { request: exchangeSchema, answer: exchangeAnswerSchema, timeoutMs: 30_000 },
  // A full store of 1 GiB takes minutes, because the line is given its turn.
  verify: { request: z.strictObject({}), answer: verdictSchema, timeoutMs: 1_800_000 },
  history: { request: historyRequestSchema, answer: historySchema, timeoutMs: 30_000 },
}

const isCall = (name: string): name is ControlCall => Object.hasOwn(CONTROL_CALLS, name)
export const controlCallSchema = z.string().refine(isCall)

/** One line of JSON each way. */
export const requestLineSchema = z.object({ call: controlCallSchema, request: z.unknown() })
export const answerLineSchema = z.union([
  z.object({ ok: z.literal(true), value: z.unknown() }),
  z.object({ ok: z.literal(false), fault: controlFaultSchema }),
])
