import type { Socket } from 'node:net'

/** The largest request or answer; a month of production entries stays far below. */
const MOST_BYTES = 16 * 2 ** 20

/**
 * Resolves with the first line the socket brings, undefined when the other side ends without one. Rejects when the
 * line is longer than 16 MiB or the connection breaks.
 */
export function readLine(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    socket.on('data', (chunk: Buffer) => {
      const end = chunk.indexOf(0x0a)
      chunks.push(end < 0 ? chunk : chunk.subarray(0, end))
      size += chunk.length
      if (end >= 0) resolve(Buffer.concat(chunks).toString('utf8'))
      else if (size > MOST_BYTES) reject(new Error('line too long'))
    })
    socket.once('error', reject)
    socket.once('close', () => resolve(undefined))
  })
}
