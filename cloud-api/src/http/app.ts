import type { Clock, Random } from '@metergate/protocol'
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { SeriesStore } from '../store/series-store.js'
import type { Metrics } from './metrics.js'

/** The server with zod-typed routes. */
export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression<RawServerDefault>,
  RawReplyDefaultExpression<RawServerDefault>,
  FastifyBaseLogger,
  ZodTypeProvider
>

/** What routes work with. */
export interface Parts {
  readonly store: SeriesStore
  readonly clock: Clock
  readonly random: Random
  readonly metrics: Metrics
  readonly limits: Limits
  readonly version: string
}

export interface Limits {
  /** Signed bodies being received at a time. */
  readonly receiving: number
  /** Batches being worked on at a time. */
  readonly working: number
  /** A compressed batch, bytes. */
  readonly batchBytes: number
  /** Any other body, bytes. */
  readonly jsonBytes: number
}

export const DEFAULT_LIMITS: Limits = {
  receiving: 128,
  working: 64,
  batchBytes: 1024 * 1024,
  jsonBytes: 256 * 1024,
}
