import { type GatewayId, gatewayIdSchema, type Random, type Sha256Hex, sha256Hex } from '@metergate/protocol'

/** Crockford's base 32: no I, L, O or U, so that a code can be read out on the phone. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

const base32 = (random: Random, length: number): string =>
  [...random.bytes(length)].map((byte) => ALPHABET[byte % 32]).join('')

/** A one-time code of 130 random bits in groups: `7K2QX-…`, 26 symbols. */
export function makeInvitationCode(random: Random): string {
  const symbols = base32(random, 26)
  return (symbols.match(/.{1,5}/g) ?? []).join('-')
}

/** As typed by a person: case, blanks, dashes and the letters O, I, L do not matter. Only the hash is kept. */
export function hashInvitationCode(code: string): Sha256Hex {
  const plain = code.toUpperCase().replace(/[\s-]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1')
  return sha256Hex(`invitation ${plain}`)
}

/** A reader token of 160 random bits. */
export const makeReaderToken = (random: Random): string => `mgr_${base32(random, 32).toLowerCase()}`

export const hashReaderToken = (token: string): Sha256Hex => sha256Hex(`reader ${token}`)

/** `gw-` and 80 random bits. */
export const makeGatewayId = (random: Random): GatewayId =>
  gatewayIdSchema.parse(`gw-${base32(random, 16).toLowerCase()}`)
