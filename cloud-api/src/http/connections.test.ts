import { once } from 'node:events'
import { Agent, createServer, get, type IncomingMessage, type Server } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { listenSomewhere } from '../testing/listen.js'
import { boundConnections } from './connections.js'
import { Doorway } from './doorway.js'
import { Metrics } from './metrics.js'

const BOUNDS = { most: 6, crowded: 4, keptMs: 60_000, keptWhenCrowdedMs: 3_000 }

let server: Server | undefined
let agent: Agent | undefined

afterEach(() => {
  agent?.destroy()
  server?.closeAllConnections()
  server?.close()
})

async function serve(bounds?: typeof BOUNDS): Promise<{ port: number; metrics: Metrics }> {
  const metrics = new Metrics()
  server = createServer((_, response) => response.end('ok'))
  if (bounds) boundConnections(server, metrics, new Doorway(), bounds)
  else server.maxConnections = BOUNDS.most
  agent = new Agent({ keepAlive: true, timeout: 70_000 })
  return { port: await listenSomewhere(server), metrics }
}

/** `count` exchanges at once, each over a connection of its own that is kept afterwards; what each answer says of that. */
async function exchanges(port: number, count: number, by = agent): Promise<string[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const [answer]: IncomingMessage[] = await once(get({ port, host: '127.0.0.1', agent: by }), 'response')
      answer?.resume()
      return String(answer?.headers['keep-alive'])
    }),
  )
}

const shown = async (metrics: Metrics, name: string): Promise<number> =>
  Number(new RegExp(`^${name} (.*)$`, 'm').exec(await metrics.text())?.[1])

describe('connections between requests', () => {
  it('are kept a long time while there is room', async () => {
    const { port, metrics } = await serve(BOUNDS)
    expect(await exchanges(port, 3)).toEqual(Array.from({ length: 3 }, () => 'timeout=60'))
    expect(await shown(metrics, 'metergate_connections')).toBe(3)
  })

  it('are let go soon in a crowd, so that idle ones lock nobody out', async () => {
    const { port, metrics } = await serve(BOUNDS)
    const told = await exchanges(port, 6)
    expect(told.filter((each) => each === 'timeout=3').length).toBeGreaterThanOrEqual(3)
    await expect.poll(() => shown(metrics, 'metergate_connections'), { timeout: 8_000 }).toBeLessThan(4)
    expect(await shown(metrics, 'metergate_connections_cut_off_total')).toBe(0)
    // From somebody else than those who hold the kept ones.
    const others = new Agent({ keepAlive: true })
    expect(await exchanges(port, 1, others)).toHaveLength(1)
    others.destroy()
  })

  it('are kept a little longer than told, so that the other side closes first', async () => {
    const { port } = await serve({ ...BOUNDS, crowded: 1, keptWhenCrowdedMs: 1_000 })
    const socket = connect({ port, host: '127.0.0.1' })
    const answers: string[] = []
    socket.setEncoding('utf8').on('data', (text: string) => answers.push(text))
    const ask = () => socket.write('GET / HTTP/1.1\r\nhost: here\r\n\r\n')
    ask()
    await expect.poll(() => answers.length).toBe(1)
    expect(answers[0]).toContain('timeout=1')
    // Node by itself waits a second longer at most.
    await pause(2_700)
    ask()
    await expect.poll(() => answers.length).toBe(2)
    // And no longer than that.
    await once(socket, 'close')
  })

  it('beyond the most are cut off and counted', async () => {
    const { port, metrics } = await serve(BOUNDS)
    await exchanges(port, 6)
    const others = new Agent({ keepAlive: true })
    const outcome = await exchanges(port, 6, others).catch(String)
    expect(outcome).toMatch(/socket hang up|ECONNRESET/)
    await expect.poll(() => shown(metrics, 'metergate_connections_cut_off_total')).toBe(6)
    others.destroy()
  })

  it('would lock others out if they were all kept for good', async () => {
    const { port } = await serve()
    await exchanges(port, 6)
    await pause(2_000)
    const others = new Agent({ keepAlive: true })
    await expect(exchanges(port, 1, others)).rejects.toThrow(/socket hang up|ECONNRESET/)
    others.destroy()
  })
})
