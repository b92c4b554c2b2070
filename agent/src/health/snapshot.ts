import { type HeartbeatRequest, heartbeatRequestSchema } from '@metergate/protocol'
import { z } from 'zod'

/**
 * The state of one gateway at one moment: the heartbeat's body plus what only the box itself wants to know. `status`
 * shows it, the heartbeat sends its part, and it is rendered as Prometheus text.
 */
export const snapshotSchema = heartbeatRequestSchema.extend({
  /** `starting`: nothing was asked on the line yet, so nobody knows. */
  buses: z.array(
    heartbeatRequestSchema.shape.buses.element.extend({
      state: z.enum([...heartbeatRequestSchema.shape.buses.element.shape.state.options, 'starting']),
    }),
  ),
  /** Process id and how long it has been running. */
  process: z.object({ pid: z.number().int(), uptime_ms: z.number(), memory_bytes: z.number() }),
  /** Given at enrolment; null before. */
  gateway: z.string().nullable(),
  config_file: z.string(),
  /** Readings since the box started cannot be dated yet: no energy until somebody vouches for the clock. */
  waiting_for: z.literal('clock').optional(),
  /** The way to the cloud. */
  link: z.object({
    cloud: z.string().nullable(),
    /** `off`: no cloud configured; the others as the sync loop knows them. */
    state: z.enum(['off', 'not_enrolled', 'starting', 'up', 'waiting', 'blocked']),
    /** The last fault in words; null while all is well. */
    why: z.string().nullable(),
    /** Wall times of the last batch the cloud committed and the last heartbeat it answered. */
    last_batch_at: z.number().nullable(),
    last_heartbeat_at: z.number().nullable(),
    bytes_sent: z.number(),
  }),
  /** Readings since start: polls that brought values and polls that brought a fault, and slots skipped. */
  readings: z.object({ good: z.number(), failed: z.number(), skipped: z.number(), stored: z.number() }),
  disk: z.object({ free_bytes: z.number(), total_bytes: z.number() }),
})
export type GatewaySnapshot = z.infer<typeof snapshotSchema>

/**
 * The part of a snapshot that the heartbeat carries; what is local is left out. So is a line nobody has tried yet: it is
 * neither up nor down, and after every start the cloud would warn of a line that is only about to be opened.
 */
export function heartbeatOf(snapshot: GatewaySnapshot): HeartbeatRequest {
  return heartbeatRequestSchema.parse({
    ...snapshot,
    buses: snapshot.buses.filter(({ state }) => state !== 'starting'),
  })
}
