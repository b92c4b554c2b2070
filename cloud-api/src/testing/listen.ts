import { once } from 'node:events'
import type { Server } from 'node:net'
import { invariant } from '@metergate/protocol'

/** Lets a server listen on a free port of this machine; the port. */
export async function listenSomewhere(server: Server): Promise<number> {
  server.listen({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  const address = server.address()
  invariant(typeof address === 'object' && address, 'it listens on a port')
  return address.port
}
