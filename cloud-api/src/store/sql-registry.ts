import { type EpochMs, epochMsSchema, type GatewayId, gatewayIdSchema, type Sha256Hex } from '@metergate/protocol'
import { z } from 'zod'
import type { Enrolment, EnrolOutcome, GatewayEntry, Invitation, Registry, TokenEntry } from './series-store.js'
import { one, type SqlEngine, type SqlTransaction } from './sql.js'

const gatewayRow = z
  .object({
    gateway_id: gatewayIdSchema,
    name: z.string(),
    public_key: z.string(),
    software: z.string(),
    enrolled_at: epochMsSchema,
    revoked_at: epochMsSchema.nullable(),
  })
  .transform(
    (row): GatewayEntry => ({
      id: row.gateway_id,
      name: row.name,
      publicKey: row.public_key,
      software: row.software,
      enrolledAt: row.enrolled_at,
      revokedAt: row.revoked_at ?? undefined,
    }),
  )

const invitationRow = z.object({ name: z.string(), expires_at: epochMsSchema, gateway_id: gatewayIdSchema.nullable() })
const tokenRow = z
  .object({ name: z.string(), created_at: epochMsSchema })
  .transform((row): TokenEntry => ({ name: row.name, createdAt: row.created_at }))

/** Invitations, gateways and reader tokens; codes and tokens are kept as hashes only. */
export class SqlRegistry implements Registry {
  constructor(private readonly engine: SqlEngine) {}

  async invite({ codeHash, name, createdAt, expiresAt }: Invitation): Promise<void> {
    await this.engine.write((tx) =>
      tx.run('INSERT INTO invitations (code_hash, name, created_at, expires_at) VALUES (?, ?, ?, ?)', [
        codeHash,
        name,
        createdAt,
        expiresAt,
      ]),
    )
  }

  async invited(codeHash: Sha256Hex): Promise<boolean> {
    const text = 'SELECT name, expires_at, gateway_id FROM invitations WHERE code_hash = ?'
    return (await this.engine.read((tx) => one(tx, invitationRow, text, [codeHash]))) !== undefined
  }

  enrol(enrolment: Enrolment): Promise<EnrolOutcome> {
    return this.engine.write(async (tx) => {
      const text = `SELECT name, expires_at, gateway_id FROM invitations WHERE code_hash = ?${this.engine.forUpdate}`
      const invitation = await one(tx, invitationRow, text, [enrolment.codeHash])
      if (!invitation) return { kind: 'unknown_code' }
      if (invitation.gateway_id) return this.again(tx, invitation.gateway_id, enrolment.publicKey)
      if (invitation.expires_at <= enrolment.at) return { kind: 'expired_code' }
      return this.first(tx, enrolment, enrolment.name ?? invitation.name)
    })
  }

  /** The answer was lost and the box asks again with its key: the same enrolment. Another key: the code is used up. */
  private async again(tx: SqlTransaction, id: GatewayId, publicKey: string): Promise<EnrolOutcome> {
    const held = await one(tx, gatewayRow, 'SELECT * FROM gateways WHERE gateway_id = ?', [id])
    return held?.publicKey === publicKey
      ? { kind: 'enrolled', gateway: held.id, name: held.name }
      : { kind: 'used_code' }
  }

  private async first(tx: SqlTransaction, enrolment: Enrolment, name: string): Promise<EnrolOutcome> {
    const { gateway, publicKey, software, at, codeHash } = enrolment
    const added = await tx.run(
      `INSERT INTO gateways (gateway_id, name, public_key, software, enrolled_at) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
      [gateway, name, publicKey, software, at],
    )
    if (added === 0) return { kind: 'known_key' }
    await tx.run('UPDATE invitations SET gateway_id = ?, used_at = ? WHERE code_hash = ?', [gateway, at, codeHash])
    return { kind: 'enrolled', gateway, name }
  }

  gateway(id: GatewayId): Promise<GatewayEntry | undefined> {
    return this.engine.read((tx) => one(tx, gatewayRow, 'SELECT * FROM gateways WHERE gateway_id = ?', [id]))
  }

  gateways(): Promise<readonly GatewayEntry[]> {
    return this.engine.read((tx) => tx.all(gatewayRow, 'SELECT * FROM gateways ORDER BY enrolled_at, gateway_id'))
  }

  async revoke(id: GatewayId, at: EpochMs): Promise<boolean> {
    const text = 'UPDATE gateways SET revoked_at = COALESCE(revoked_at, ?) WHERE gateway_id = ?'
    return (await this.engine.write((tx) => tx.run(text, [at, id]))) > 0
  }

  async addToken(hash: Sha256Hex, name: string, at: EpochMs): Promise<void> {
    await this.engine.write((tx) =>
      tx.run('INSERT INTO tokens (token_hash, name, created_at) VALUES (?, ?, ?)', [hash, name, at]),
    )
  }

  token(hash: Sha256Hex): Promise<TokenEntry | undefined> {
    return this.engine.read((tx) =>
      one(tx, tokenRow, 'SELECT name, created_at FROM tokens WHERE token_hash = ?', [hash]),
    )
  }
}
