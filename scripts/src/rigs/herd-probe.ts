/**
 * One patient gateway beside a herd, in a thread of its own so that the herd's own work does not blur what it measures: it
 * sends the same signed batch five times a second and notes how long each answer took.
 */
import { request } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'
import { z } from 'zod'

export interface ProbeAnswer {
  readonly status: number
  readonly tookMs: number
}

const given = z
  .object({ url: z.string(), headers: z.record(z.string(), z.string()), body: z.instanceof(Uint8Array) })
  .optional()
  .parse(workerData)

const EVERY_MS = 200

if (given && parentPort) {
  const { url, headers, body } = given
  const port = parentPort
  setInterval(() => {
    const begun = performance.now()
    const answered = (status: number): void => port.postMessage({ status, tookMs: performance.now() - begun })
    const sent = request(`${url}/v1/batches`, { method: 'POST', headers, agent: false }, (answer) => {
      answer.resume()
      answer.on('end', () => answered(answer.statusCode ?? 0))
    })
    sent.on('error', () => answered(0))
    sent.end(body)
  }, EVERY_MS)
}
