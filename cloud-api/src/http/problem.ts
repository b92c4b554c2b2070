import type { EpochMs, Problem, ProblemCode } from '@metergate/protocol'

interface Kind {
  readonly status: number
  readonly title: string
}

/** Every problem this server answers with: status and title, by code. */
const KINDS: { readonly [code in ProblemCode]: Kind } = {
  malformed_request: { status: 400, title: 'The request is not as documented' },
  unsupported_media_type: { status: 415, title: 'The content type or encoding is not accepted here' },
  body_too_large: { status: 413, title: 'The body is too large' },
  enrolment_code_unknown: { status: 403, title: 'The enrolment code is not known' },
  enrolment_code_used: { status: 409, title: 'The enrolment code was used already' },
  enrolment_code_expired: { status: 403, title: 'The enrolment code has expired' },
  key_already_enrolled: { status: 409, title: 'The key belongs to another gateway already' },
  signature_missing: { status: 401, title: 'The request is not signed' },
  signature_invalid: { status: 401, title: 'The signature does not hold' },
  digest_mismatch: { status: 401, title: 'The body is not the one that was signed' },
  gateway_unknown: { status: 401, title: 'The gateway is not enrolled here' },
  gateway_revoked: { status: 403, title: 'The gateway was revoked' },
  wrong_gateway: { status: 403, title: 'The batch belongs to another gateway' },
  batch_unreadable: { status: 422, title: 'The body is no batch' },
  batch_conflict: { status: 409, title: 'Another batch with this number is stored' },
  token_missing: { status: 401, title: 'A reader token is needed' },
  token_invalid: { status: 401, title: 'The reader token is not known' },
  not_found: { status: 404, title: 'There is nothing here' },
  too_many_requests: { status: 429, title: 'Too many wrong tries' },
  busy: { status: 503, title: 'The server is busy' },
  store_unavailable: { status: 503, title: 'The store does not answer' },
  internal: { status: 500, title: 'The server made a mistake' },
}

/** A request that ends with problem details; thrown by handlers, answered by the one error handler. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem'

  constructor(
    readonly code: ProblemCode,
    readonly detail: string,
    readonly more: { readonly retryAfterS?: number; readonly errors?: Problem['errors'] } = {},
  ) {
    super(detail)
  }

  get status(): number {
    return KINDS[this.code].status
  }

  /** Problem details (RFC 9457) with the server's time, by which a box can see that its own clock is off. */
  body(serverTime: EpochMs): Problem {
    const { status, title } = KINDS[this.code]
    return {
      type: `urn:metergate:problem:${this.code}`,
      title,
      status,
      detail: this.detail.slice(0, 2000),
      code: this.code,
      server_time: serverTime,
      ...(this.more.errors ? { errors: this.more.errors } : {}),
    }
  }
}
