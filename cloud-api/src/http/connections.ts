import type { Server } from 'node:http'
import type { Doorway } from './doorway.js'
import type { Metrics } from './metrics.js'

/** For an answer on its way and a gateway that is busy. */
const GRACE_MS = 3_000

export interface ConnectionBounds {
  /** Beyond it a new one is cut off before it has said anything, so it must never be idle ones that fill it. */
  readonly most: number
  /** From so many on an idle one is kept for a short time only. */
  readonly crowded: number
  readonly keptMs: number
  readonly keptWhenCrowdedMs: number
}

/**
 * Room for 2,000 gateways that all come at once, each with a batch and a heartbeat, and as many again. A gateway keeps a connection
 * until its next heartbeat a minute later; one that has just sent its backlog keeps up to sixteen.
 */
export const CONNECTION_BOUNDS: ConnectionBounds = {
  most: 10_000,
  crowded: 5_000,
  keptMs: 75_000,
  keptWhenCrowdedMs: 5_000,
}

/**
 * Keeps idle connections as long as there is room for them. Each answer tells its gateway how long (`Keep-Alive: timeout`), so a
 * crowd thins out by itself, and whoever comes is heard, be it only to be told when to come again. The server waits a little
 * longer than it says: the gateway closes first, and no request meets a connection that is just being closed.
 */
export function boundConnections(
  server: Server,
  metrics: Pick<Metrics, 'connections' | 'cutOff'>,
  doorway: Pick<Doorway, 'entered'>,
  { most, crowded, keptMs, keptWhenCrowdedMs }: ConnectionBounds = CONNECTION_BOUNDS,
): void {
  let open = 0
  const changed = (by: 1 | -1): void => {
    open += by
    metrics.connections.set(open)
    server.keepAliveTimeout = open < crowded ? keptMs : keptWhenCrowdedMs
  }
  server.maxConnections = most
  server.keepAliveTimeout = keptMs
  server.on('connection', (socket) => {
    changed(1)
    doorway.entered()
    socket.once('close', () => changed(-1))
  })
  server.on('drop', () => metrics.cutOff.inc())
  server.on('request', ({ socket }, response) => {
    const told = server.keepAliveTimeout
    // After Node's own listener, which has set the time it told.
    response.once('finish', () => socket.setTimeout(told + GRACE_MS))
  })
}
