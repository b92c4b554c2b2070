import type { Clock, Random } from '@metergate/protocol'
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { PublicKeys } from '../ingest/public-keys.js'
import type { SeriesStore } from '../store/series-store.js'
import type { Admission } from './admission.js'
import type { Doorway } from './doorway.js'
import type { Metrics } from './metrics.js'
import type { StorePatience } from './patience.js'
import type { ReturnTimes } from './return-times.js'

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
  /** Around whatever an answer to a gateway waits for in the store. */
  readonly patience: StorePatience
  readonly clock: Clock
  readonly random: Random
  readonly metrics: Metrics
  readonly places: Places
  readonly returnTimes: ReturnTimes
  readonly doorway: Doorway
  /** Of the gateways that have sent something lately. */
  readonly keys: PublicKeys
  readonly limits: Limits
  readonly version: string
}

/** Where gateways are let in, so many at a time. */
export interface Places {
  /** Signed bodies being received. */
  readonly receiving: Admission
  /** Batches being worked on. */
  readonly working: Admission
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
