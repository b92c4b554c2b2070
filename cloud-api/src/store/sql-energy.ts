import {
  amount,
  epochMsSchema,
  type GatewayId,
  type MeterId,
  type QuantityName,
  qualityFlagSchema,
} from '@metergate/protocol'
import { z } from 'zod'
import { ENERGY_QUARTER_MS, type EnergySum, type Range } from './series-store.js'
import type { SqlEngine, SqlTransaction } from './sql.js'

/** PostgreSQL sums integers as `numeric`, which comes as text. */
const whole = z.coerce.number().int()
const sumRow = z
  .object({ start: epochMsSchema, exp: whole, flag: qualityFlagSchema, n: whole, covered: whole })
  .transform(
    ({ start, exp, flag, n, covered }): EnergySum => ({ start, energy: amount(n, exp), flag, coveredMs: covered }),
  )

/** How each database opens the record kept as text: its deltas as rows `d`, and the fields taken from it. */
const DIALECT = {
  sqlite: {
    deltas: `json_each(body, '$.deltas') AS d`,
    end: `body ->> '$.end'`,
    quantity: `d.value ->> '$.quantity'`,
    flag: `d.value ->> '$.flag'`,
    n: `d.value ->> '$.delta.n'`,
    exp: `d.value ->> '$.delta.exp'`,
  },
  postgres: {
    deltas: `json_array_elements(body::json -> 'deltas') AS d`,
    end: `(body::json ->> 'end')::bigint`,
    quantity: `d ->> 'quantity'`,
    flag: `d ->> 'flag'`,
    n: `(d #>> '{delta,n}')::bigint`,
    exp: `(d #>> '{delta,exp}')::integer`,
  },
} as const

/**
 * The known energy of one counter per quarter hour, newest revision. Added up by the database, in integers, since a week
 * of one-minute intervals is ten thousand records.
 */
export function readEnergy(
  tx: SqlTransaction,
  kind: SqlEngine['kind'],
  gateway: GatewayId,
  meter: MeterId,
  quantity: QuantityName,
  { from, to }: Range,
): Promise<EnergySum[]> {
  const field = DIALECT[kind]
  const text = `SELECT quarter AS start, exp, flag, SUM(n) AS n, SUM(covered) AS covered FROM (
      SELECT start_ms - start_ms % ${ENERGY_QUARTER_MS} AS quarter, ${field.end} - start_ms AS covered,
             ${field.n} AS n, ${field.exp} AS exp, ${field.flag} AS flag
      FROM intervals, ${field.deltas}
      WHERE gateway_id = ? AND meter = ? AND start_ms >= ? AND start_ms < ? AND ${field.quantity} = ?
    ) AS deltas WHERE n IS NOT NULL GROUP BY quarter, exp, flag ORDER BY quarter, exp, flag`
  return tx.all(sumRow, text, [gateway, meter, from, to, quantity])
}
