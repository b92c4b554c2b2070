import { z } from 'zod'

/** A meter's short name inside one gateway, as the technician chose it: `press-1`. */
export const meterIdSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,31}$/, 'lower-case letters, digits, - and _, 1 to 32 characters, e.g. press-1')
  .brand<'MeterId'>()
export type MeterId = z.infer<typeof meterIdSchema>

/** A product's short name inside one gateway: `eva-slipper`. */
export const productIdSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,31}$/, 'lower-case letters, digits, - and _, 1 to 32 characters, e.g. eva-slipper')
  .brand<'ProductId'>()
export type ProductId = z.infer<typeof productIdSchema>

/** Given by the cloud at enrolment. */
export const gatewayIdSchema = z
  .string()
  .regex(/^gw-[a-z0-9]{8,32}$/)
  .brand<'GatewayId'>()
export type GatewayId = z.infer<typeof gatewayIdSchema>

/** A stream of records; a new store starts a new one, so a number is never used twice. 128 random bits, hex. */
export const streamIdSchema = z
  .string()
  .regex(/^[0-9a-f]{32}$/)
  .brand<'StreamId'>()
export type StreamId = z.infer<typeof streamIdSchema>

/** A record's number in its stream: 1, 2, 3, … given inside the commit that stores it. */
export const seqSchema = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER).brand<'Seq'>()
export type Seq = z.infer<typeof seqSchema>

/** A batch's number in its stream: 1, 2, 3, … */
export const batchNumberSchema = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER).brand<'BatchNumber'>()
export type BatchNumber = z.infer<typeof batchNumberSchema>

/** SHA-256 in lower-case hex. */
export const sha256HexSchema = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .brand<'Sha256Hex'>()
export type Sha256Hex = z.infer<typeof sha256HexSchema>

/** `detail`: readings. `ledger`: intervals, production, events, anchors, gaps. */
export const streamKindSchema = z.enum(['detail', 'ledger'])
export type StreamKind = z.infer<typeof streamKindSchema>
