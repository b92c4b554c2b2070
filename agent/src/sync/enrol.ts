import {
  type DurationMs,
  type EnrolAnswer,
  enrolAnswerSchema,
  fail,
  ok,
  parseJsonBytes,
  problemSchema,
  type Result,
  seconds,
} from '@metergate/protocol'
import type { CloudHttp } from './cloud-http.js'
import { readAnswer } from './http-uplink.js'
import type { GatewayKey } from './signature.js'
import type { UplinkFault } from './uplink.js'

/** `refused`: the cloud says no, with its code (`enrolment_code_used`, …) and its words. */
export type EnrolFault = UplinkFault | { readonly kind: 'refused'; readonly code: string; readonly why: string }

/**
 * Makes this box a gateway of the cloud: a one-time code and the public key go out, the gateway's id comes back.
 * The private key stays here. Safe to repeat with the same key after a lost answer.
 */
export async function enrol(
  http: CloudHttp,
  key: GatewayKey,
  request: { readonly code: string; readonly software: string; readonly name?: string },
  options: { readonly timeout?: DurationMs; readonly signal?: AbortSignal } = {},
): Promise<Result<EnrolAnswer, EnrolFault>> {
  const body = new TextEncoder().encode(JSON.stringify({ ...request, public_key: key.publicKey }))
  const headers = { 'content-type': 'application/json' }
  const answer = await http.post(
    { path: '/v1/enrol', headers, body, timeout: options.timeout ?? seconds(30) },
    options.signal,
  )
  if (!answer.ok) return answer
  if (answer.value.status >= 400 && answer.value.status < 500) {
    const problem = problemSchema.safeParse(parseJsonBytes(answer.value.body))
    if (problem.success) return fail({ kind: 'refused', code: problem.data.code, why: problem.data.detail })
  }
  const read = readAnswer(answer.value, enrolAnswerSchema)
  return read.ok ? ok(read.value) : read
}
