import { createHash } from 'node:crypto'
import { fail, ok, type Result } from '../result.js'

/**
 * Signed requests: HTTP Message Signatures (RFC 9421) with one fixed list of components and Ed25519, over the
 * Content-Digest (RFC 9530, sha-256) of the content exactly as sent, compressed. One list on both sides leaves
 * nothing to negotiate and nothing to downgrade. Pure: the agent signs and the cloud verifies the base elsewhere.
 */
const LABEL = 'mg'
const COMPONENTS = '("@method" "@path" "content-digest")'

/** What is signed. `path` is the path alone, without host and query. */
export interface SignedRequest {
  readonly method: string
  readonly path: string
  readonly contentDigest: string
  /** Seconds since 1970 by the signer's clock. It may be wrong, so nobody is locked out by it; it only informs. */
  readonly created: number
  readonly keyId: string
}

/** The Content-Digest field of a body as sent (RFC 9530, section 2). */
export function contentDigest(body: Uint8Array): string {
  return `sha-256=:${createHash('sha256').update(body).digest('base64')}:`
}

/** The text that is signed (RFC 9421, section 2.5). */
export function signatureBase(request: SignedRequest): string {
  return baseOf(request, signatureParams(request))
}

function baseOf(request: Pick<SignedRequest, 'method' | 'path' | 'contentDigest'>, params: string): string {
  return [
    `"@method": ${request.method.toUpperCase()}`,
    `"@path": ${request.path}`,
    `"content-digest": ${request.contentDigest}`,
    `"@signature-params": ${params}`,
  ].join('\n')
}

/** Without `alg`: the key says it (RFC 9421, section 3.1), and a batch by the minute is short enough for every byte to count. */
const signatureParams = ({ created, keyId }: Pick<SignedRequest, 'created' | 'keyId'>): string =>
  `${COMPONENTS};created=${created};keyid="${keyId}"`

export interface SignatureHeaders {
  readonly 'content-digest': string
  readonly 'signature-input': string
  readonly signature: string
}

/** The three header fields of a signed request, given the Ed25519 signature (64 bytes) of its base. */
export function signatureHeaders(request: SignedRequest, signature: Uint8Array): SignatureHeaders {
  return {
    'content-digest': request.contentDigest,
    'signature-input': `${LABEL}=${signatureParams(request)}`,
    signature: `${LABEL}=:${Buffer.from(signature).toString('base64')}:`,
  }
}

/** Why a request is not even worth a look at its key. */
export type SignatureFault =
  | { readonly kind: 'not_signed'; readonly why: string }
  | { readonly kind: 'malformed_signature'; readonly why: string }
  | { readonly kind: 'digest_mismatch'; readonly why: string }

/** A request that claims to be from `keyId`: verify `signature` over `base` (UTF-8) with that key, then believe it. */
export interface ClaimedSignature {
  readonly keyId: string
  readonly created: number
  readonly base: string
  readonly signature: Uint8Array
}

/** A header field as servers give it: absent, once, or (an attack or a mistake) several times. */
type Field = string | readonly string[] | undefined

/** The label `metergate` and `alg` are what agents send that seal in batch formats 1 and 2. */
const INPUT =
  /^(mg|metergate)=(\("@method" "@path" "content-digest"\);created=(\d{1,12});keyid="([A-Za-z0-9._:/-]{1,128})"(?:;alg="ed25519")?)$/
const SIGNATURE = /^(mg|metergate)=:([A-Za-z0-9+/]{86}==):$/

/**
 * Reads the signature fields of a request on the server and checks the digest against the body as received
 * (before decompression). The signature itself is still to be verified with the key of `keyId`.
 */
export function readSignature(
  request: { readonly method: string; readonly path: string; readonly body: Uint8Array },
  headers: { readonly [name: string]: Field },
): Result<ClaimedSignature, SignatureFault> {
  const digest = headers['content-digest']
  const input = headers['signature-input']
  const signature = headers.signature
  if (digest === undefined || input === undefined || signature === undefined) {
    return fail({ kind: 'not_signed', why: 'Content-Digest, Signature-Input and Signature are needed' })
  }
  const [, label, params, created, keyId] = (typeof input === 'string' ? INPUT.exec(input) : null) ?? []
  const [, sameLabel, encoded] = (typeof signature === 'string' ? SIGNATURE.exec(signature) : null) ?? []
  if (params === undefined || created === undefined || keyId === undefined || encoded === undefined)
    return fail({ kind: 'malformed_signature', why: `expected ${LABEL}=${COMPONENTS};created=…;keyid="…"` })
  if (label !== sameLabel) return fail({ kind: 'malformed_signature', why: `signature is not labelled ${label}` })
  if (digest !== contentDigest(request.body)) {
    return fail({ kind: 'digest_mismatch', why: 'the body is not the one that was signed' })
  }
  const base = baseOf({ method: request.method, path: request.path, contentDigest: digest }, params)
  return ok({ keyId, created: Number(created), base, signature: Buffer.from(encoded, 'base64') })
}
