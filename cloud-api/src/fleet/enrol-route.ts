import { enrolAnswerSchema, enrolRequestSchema, unreachable } from '@metergate/protocol'
import type { App, Parts } from '../http/app.js'
import { answers } from '../http/documented.js'
import { requireJson } from '../http/json-only.js'
import { HttpProblem } from '../http/problem.js'
import { WrongTries } from '../http/wrong-tries.js'
import { publicKeyOf } from '../ingest/public-keys.js'
import { hashInvitationCode, makeGatewayId } from './secret.js'

/** POST /v1/enrol: a one-time code and a public key make a box a gateway. */
export function enrolRoute(app: App, { store, clock, random, limits, patience }: Parts): void {
  const wrong = new WrongTries()
  const schema = {
    tags: ['gateway'],
    summary: 'Enrol a gateway with a one-time code',
    security: [],
    body: enrolRequestSchema,
    response: answers(enrolAnswerSchema),
  }
  app.post('/v1/enrol', { schema, onRequest: requireJson, bodyLimit: limits.jsonBytes }, async (request) => {
    const { code, public_key: publicKey, name, software } = request.body
    if (!publicKeyOf(publicKey)) {
      throw new HttpProblem('malformed_request', 'public_key is not a raw 32-byte Ed25519 public key in base64')
    }
    const at = clock.wall()
    const codeHash = hashInvitationCode(code)
    const retryAfterS = wrong.waitS(request.ip, at)
    // A code that was given is never kept waiting: behind a proxy or one address of a district a stranger's wrong codes
    // would lock out everybody. Guessing gains nothing by it, 130 random bits cannot be guessed at any speed.
    if (retryAfterS !== undefined && !(await patience.within(() => store.registry.invited(codeHash)))) {
      const detail = `Too many wrong codes came from ${request.ip}. Try again in ${retryAfterS} s.`
      throw new HttpProblem('too_many_requests', detail, { retryAfterS })
    }
    const gateway = makeGatewayId(random)
    const asked = { codeHash, gateway, publicKey, name, software, at }
    // Enrolled after the answer was given: the box asks again with the same key and hears the same.
    const outcome = await patience.within(() => store.registry.enrol(asked))
    if (outcome.kind === 'unknown_code') wrong.note(request.ip, at)
    switch (outcome.kind) {
      case 'enrolled':
        return { gateway_id: outcome.gateway, name: outcome.name, server_time: clock.wall() }
      case 'unknown_code':
        throw new HttpProblem('enrolment_code_unknown', 'Check the code for typing errors, or ask for a new one.')
      case 'used_code':
        throw new HttpProblem('enrolment_code_used', `A code works for one gateway only. ${ASK}`)
      case 'expired_code':
        throw new HttpProblem('enrolment_code_expired', `A code is good for 24 hours. ${ASK}`)
      case 'known_key':
        throw new HttpProblem('key_already_enrolled', 'This key is enrolled under another id; the code is still good.')
      default:
        return unreachable(outcome)
    }
  })
}

const ASK = 'Ask for a new one: metergate-cloud gateway invite --name <name>'
