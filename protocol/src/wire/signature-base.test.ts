import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { contentDigest, readSignature, signatureBase, signatureHeaders } from './signature-base.js'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const body = new TextEncoder().encode('{"hello": "world"}')
const request = {
  method: 'POST',
  path: '/v1/batches',
  contentDigest: contentDigest(body),
  created: 1_790_000_000,
  keyId: 'gw-k3v9q2x7',
}
const headers = signatureHeaders(request, sign(null, Buffer.from(signatureBase(request)), privateKey))

/** What a server does: read the fields, then verify with the key. */
function accepts(
  method: string,
  path: string,
  received: Uint8Array,
  fields: Record<string, string | string[] | undefined>,
): boolean {
  const claimed = readSignature({ method, path, body: received }, fields)
  return claimed.ok && verify(null, Buffer.from(claimed.value.base), publicKey, claimed.value.signature)
}

describe('signed requests', () => {
  it('digest the content as RFC 9530 prints it', () => {
    expect(contentDigest(body)).toBe('sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:')
  })

  it('sign exactly this text', () => {
    expect(signatureBase(request)).toBe(
      [
        '"@method": POST',
        '"@path": /v1/batches',
        '"content-digest": sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:',
        '"@signature-params": ("@method" "@path" "content-digest");created=1790000000;keyid="gw-k3v9q2x7"',
      ].join('\n'),
    )
  })

  it('are accepted as sent', () => {
    expect(accepts('POST', '/v1/batches', body, { ...headers })).toBe(true)
  })

  it('are accepted from an agent that names the algorithm and the longer label', () => {
    const params = `${headers['signature-input'].slice('mg='.length)};alg="ed25519"`
    const base = signatureBase(request).replace(/;keyid="gw-k3v9q2x7"$/, '$&;alg="ed25519"')
    const signature = sign(null, Buffer.from(base), privateKey).toString('base64')
    const older = { ...headers, 'signature-input': `metergate=${params}`, signature: `metergate=:${signature}:` }
    expect(accepts('POST', '/v1/batches', body, older)).toBe(true)
    expect(accepts('POST', '/v1/batches', body, { ...older, 'signature-input': `mg=${params}` })).toBe(false)
    expect(accepts('POST', '/v1/batches', body, { ...older, signature: headers.signature })).toBe(false)
  })

  it.each([
    ['another path', 'POST', '/v1/heartbeat', body, {}],
    ['another method', 'PUT', '/v1/batches', body, {}],
    ['another body', 'POST', '/v1/batches', new TextEncoder().encode('{"hello": "w0rld"}'), {}],
    [
      'another time',
      'POST',
      '/v1/batches',
      body,
      { 'signature-input': headers['signature-input'].replace('1790000000', '1790000001') },
    ],
    [
      'another key',
      'POST',
      '/v1/batches',
      body,
      { 'signature-input': headers['signature-input'].replace('k3v9', 'k3v8') },
    ],
    [
      'fewer components',
      'POST',
      '/v1/batches',
      body,
      { 'signature-input': headers['signature-input'].replace('"@path" ', '') },
    ],
    ['no signature', 'POST', '/v1/batches', body, { signature: undefined }],
    ['a field sent twice', 'POST', '/v1/batches', body, { signature: [headers.signature, headers.signature] }],
    ['a second label', 'POST', '/v1/batches', body, { signature: `${headers.signature}, x=:AAAA:` }],
  ])('are refused with %s', (_, method, path, received, changed) => {
    expect(accepts(method, path, received, { ...headers, ...changed })).toBe(false)
  })
})
