import { connect, createServer, type Server, type Socket } from 'node:net'

/** What stands between gateway and cloud, as it is right now; changed while it runs. */
export interface LinkFaults {
  /** Share of answers that never come back although the cloud has done its work. */
  loseAnswers: number
  /** Share of connections that are reset in the middle of the request. */
  reset: number
  /** Waits this long before a new connection goes on. */
  delayMs: number
}

/** A TCP proxy in user space: whole answers lost, connections reset in mid-body, delays. */
export class FaultProxy {
  readonly faults: LinkFaults = { loseAnswers: 0, reset: 0, delayMs: 0 }
  connections = 0
  bytesUp = 0
  private server: Server | undefined
  private readonly open = new Set<Socket>()

  constructor(
    private readonly target: number,
    private readonly chance: () => number = Math.random,
  ) {}

  /** Listens on a free port of this machine and gives it. */
  start(): Promise<number> {
    const server = createServer((socket) => this.serve(socket))
    this.server = server
    return new Promise((resolve) =>
      server.listen(0, '127.0.0.1', () => {
        const address = server.address()
        resolve(typeof address === 'object' && address ? address.port : 0)
      }),
    )
  }

  async stop(): Promise<void> {
    for (const socket of this.open) socket.destroy()
    await new Promise((resolve) => this.server?.close(resolve))
  }

  private serve(client: Socket): void {
    this.connections += 1
    this.keep(client)
    client.pause()
    setTimeout(() => this.forward(client), this.faults.delayMs)
  }

  private forward(client: Socket): void {
    const cloud = connect(this.target, '127.0.0.1')
    this.keep(cloud)
    const resetAfter = this.chance() < this.faults.reset ? Math.floor(this.chance() * 4000) : Number.POSITIVE_INFINITY
    let sent = 0
    client.on('data', (bytes: Buffer) => {
      sent += bytes.length
      this.bytesUp += bytes.length
      if (sent > resetAfter) {
        cloud.destroy()
        client.resetAndDestroy()
      } else if (!cloud.write(bytes)) {
        client.pause()
        cloud.once('drain', () => client.resume())
      }
    })
    // The cloud has answered, so it has committed; the gateway never hears of it.
    cloud.on('data', (bytes: Buffer) => {
      if (this.chance() < this.faults.loseAnswers) client.destroy()
      else if (!client.destroyed) client.write(bytes)
    })
    client.on('close', () => cloud.end())
    cloud.on('close', () => client.end())
    client.resume()
  }

  private keep(socket: Socket): void {
    this.open.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.open.delete(socket))
  }
}
