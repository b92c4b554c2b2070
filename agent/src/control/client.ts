import { connect } from 'node:net'
import { type Clock, durationMs, fail, ok, parseJson, type Result } from '@metergate/protocol'
import {
  answerLineSchema,
  CONTROL_CALLS,
  type ControlAnswers,
  type ControlCall,
  type ControlFault,
  type ControlRequests,
} from './calls.js'
import { readLine } from './line-reader.js'

/** `not_running`: nobody serves the socket. `silent`: somebody does and did not answer in time. */
export type ControlClientFault =
  | ControlFault
  | { readonly kind: 'not_running'; readonly path: string }
  | { readonly kind: 'not_permitted'; readonly path: string }
  | { readonly kind: 'silent'; readonly waitedMs: number }
  | { readonly kind: 'strange_answer'; readonly why: string }

/** Asks the daemon of this box. */
export class ControlClient {
  constructor(
    private readonly path: string,
    private readonly clock: Clock,
  ) {}

  /** One question, one answer; waits at most what the call allows. */
  async ask<C extends ControlCall>(
    call: C,
    request: ControlRequests[C],
  ): Promise<Result<ControlAnswers[C], ControlClientFault>> {
    const { timeoutMs, answer } = CONTROL_CALLS[call]
    const line = await this.#exchange(JSON.stringify({ call, request }), timeoutMs)
    if (!line.ok) return line
    const parsed = answerLineSchema.safeParse(parseJson(line.value))
    if (!parsed.success) return fail({ kind: 'strange_answer', why: line.value.slice(0, 200) })
    if (!parsed.data.ok) return fail(parsed.data.fault)
    const value = answer.safeParse(parsed.data.value)
    if (value.success) return ok(value.data)
    return fail({ kind: 'strange_answer', why: value.error.issues.map(({ path }) => path.join('.')).join(', ') })
  }

  async #exchange(line: string, timeoutMs: number): Promise<Result<string, ControlClientFault>> {
    const done = new AbortController()
    const socket = connect(this.path)
    const answer = new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.write(`${line}\n`)
        resolve()
      })
    })
      .then(() => readLine(socket))
      .then(
        (text): Result<string, ControlClientFault> =>
          text === undefined ? fail({ kind: 'strange_answer', why: 'the connection ended' }) : ok(text),
        (error: unknown): Result<string, ControlClientFault> => fail(this.#connectionFault(error)),
      )
    const late = this.clock.sleep(durationMs(timeoutMs), done.signal).then(
      (): Result<string, ControlClientFault> => fail({ kind: 'silent', waitedMs: timeoutMs }),
      () => answer,
    )
    try {
      return await Promise.race([answer, late])
    } finally {
      done.abort(new Error('answered'))
      socket.destroy()
    }
  }

  #connectionFault(error: unknown): ControlClientFault {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (code === 'EACCES' || code === 'EPERM') return { kind: 'not_permitted', path: this.path }
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return { kind: 'not_running', path: this.path }
    return { kind: 'strange_answer', why: error instanceof Error ? error.message : String(error) }
  }
}
