import { verify } from 'node:crypto'
import { fail, type GatewayId, gatewayIdSchema, ok, type Result, readSignature } from '@metergate/protocol'
import type { GatewayEntry, Registry } from '../store/series-store.js'
import type { PublicKeys } from './public-keys.js'

/** A request as received: its body is still compressed. */
export interface SignedBytes {
  readonly method: string
  readonly path: string
  readonly body: Uint8Array
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined }
}

export type AuthFault = {
  readonly kind: 'signature_missing' | 'signature_invalid' | 'digest_mismatch' | 'gateway_unknown' | 'gateway_revoked'
  readonly why: string
}

/**
 * Finds out which gateway sent this. `created` is not judged: a box whose clock is wrong is not locked out, and a
 * replayed request changes nothing because (gateway, stream, number) is idempotent.
 */
export async function authenticate(
  registry: Pick<Registry, 'gateway'>,
  keys: PublicKeys,
  request: SignedBytes,
): Promise<Result<GatewayEntry, AuthFault>> {
  const claimed = readSignature(request, request.headers)
  if (!claimed.ok) return fail({ kind: PROBLEM_OF[claimed.fault.kind], why: claimed.fault.why })
  const id = gatewayIdSchema.safeParse(claimed.value.keyId)
  if (!id.success) return unknown(claimed.value.keyId)
  const gateway = await registry.gateway(id.data)
  if (!gateway) return unknown(id.data)
  const key = keys.of(gateway.publicKey)
  if (!key || !verify(null, Buffer.from(claimed.value.base, 'utf8'), key, claimed.value.signature)) {
    return fail({
      kind: 'signature_invalid',
      why: `the signature is not by the key of ${gateway.id}; enrol the gateway again if its key was replaced`,
    })
  }
  if (gateway.revokedAt !== undefined) return fail(revoked(gateway.id))
  return ok(gateway)
}

const PROBLEM_OF = {
  not_signed: 'signature_missing',
  malformed_signature: 'signature_invalid',
  digest_mismatch: 'digest_mismatch',
} as const

export const revoked = (id: GatewayId): AuthFault => ({
  kind: 'gateway_revoked',
  why: `${id} was revoked here; enrol the box anew with a fresh invitation. Its readings stay on the box.`,
})

const unknown = (id: string): Result<never, AuthFault> =>
  fail({ kind: 'gateway_unknown', why: `no gateway ${id.slice(0, 60)} is enrolled here` })
