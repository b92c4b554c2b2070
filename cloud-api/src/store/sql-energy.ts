import {
  type Amount,
  add,
  amount,
  amountSchema,
  epochMsSchema,
  type GatewayId,
  type IntervalPart,
  intervalPartSchema,
  type MeterId,
  multiply,
  type QuantityName,
  qualityFlagSchema,
  subtract,
} from '@metergate/protocol'
import { z } from 'zod'
import { ENERGY_QUARTER_MS, type EnergySum, type Range } from './series-store.js'
import { json, type SqlEngine, type SqlTransaction } from './sql.js'

/** PostgreSQL sums integers as `numeric`, which comes as text. */
const whole = z.coerce.number().int()
/** A quarter hour's intervals of one flag together; one that was not metered throughout comes alone, with its parts. */
const sumRow = z.object({
  start: epochMsSchema,
  exp: whole.nullable(),
  flag: qualityFlagSchema,
  n: whole.nullable(),
  length: whole,
  parts: json(z.array(intervalPartSchema)).nullable(),
  multiplier: json(amountSchema).nullable(),
})
type SumRow = z.infer<typeof sumRow>

/** How each database opens the record kept as text: its deltas as rows `d`, and the fields taken from it. */
const DIALECT = {
  sqlite: {
    deltas: `json_each(body, '$.deltas') AS d`,
    end: `body ->> '$.end'`,
    quantity: `d.value ->> '$.quantity'`,
    flag: `d.value ->> '$.flag'`,
    n: `d.value ->> '$.delta.n'`,
    exp: `d.value ->> '$.delta.exp'`,
    parts: `d.value ->> '$.parts'`,
    multiplier: `body ->> '$.multiplier'`,
  },
  postgres: {
    deltas: `json_array_elements(body::json -> 'deltas') AS d`,
    end: `(body::json ->> 'end')::bigint`,
    quantity: `d ->> 'quantity'`,
    flag: `d ->> 'flag'`,
    n: `(d #>> '{delta,n}')::bigint`,
    exp: `(d #>> '{delta,exp}')::integer`,
    parts: `d ->> 'parts'`,
    multiplier: `body::json ->> 'multiplier'`,
  },
} as const

/**
 * The known energy of one counter per quarter hour, newest revision. Added up by the database, in integers, since a week
 * of one-minute intervals is ten thousand records. The few with parts are given one by one: what their registers say is
 * a product of amounts, which no database's integers are sure to hold.
 */
export async function readEnergy(
  tx: SqlTransaction,
  kind: SqlEngine['kind'],
  gateway: GatewayId,
  meter: MeterId,
  quantity: QuantityName,
  { from, to }: Range,
): Promise<EnergySum[]> {
  const field = DIALECT[kind]
  const text = `SELECT quarter AS start, exp, flag, SUM(n) AS n, SUM(length) AS length, parts, multiplier FROM (
      SELECT start_ms - start_ms % ${ENERGY_QUARTER_MS} AS quarter, ${field.end} - start_ms AS length,
             ${field.n} AS n, ${field.exp} AS exp, ${field.flag} AS flag, ${field.parts} AS parts,
             CASE WHEN ${field.parts} IS NOT NULL THEN ${field.multiplier} END AS multiplier,
             CASE WHEN ${field.parts} IS NOT NULL THEN start_ms END AS alone
      FROM intervals, ${field.deltas}
      WHERE gateway_id = ? AND meter = ? AND start_ms >= ? AND start_ms < ? AND ${field.quantity} = ?
    ) AS deltas WHERE n IS NOT NULL OR parts IS NOT NULL
    GROUP BY quarter, exp, flag, alone, parts, multiplier ORDER BY quarter, exp, flag, alone`
  return (await tx.all(sumRow, text, [gateway, meter, from, to, quantity])).flatMap(sumsOf)
}

/**
 * The gateway's own rule: the metered parts of an interval count although its total is not known, a delta that goes beyond
 * them is an estimate by so much, and only what was metered covers time.
 */
function sumsOf({ start, exp, flag, n, length, parts, multiplier }: SumRow): EnergySum[] {
  const delta = n === null || exp === null ? null : amount(n, exp)
  const metered = parts && multiplier ? meteredIn(parts, multiplier) : undefined
  const coveredMs = parts ? parts.reduce((ms, part) => ms + part.end - part.start, 0) : length
  if (!delta) return metered ? [{ start, energy: metered, flag, coveredMs }] : []
  if (flag !== 'mixed') return [{ start, energy: delta, flag, coveredMs }]
  if (!metered) return [{ start, energy: delta, flag, coveredMs: 0 }]
  return [
    { start, energy: metered, flag: 'measured', coveredMs },
    { start, energy: subtract(delta, metered), flag, coveredMs: 0 },
  ]
}

/** What the registers say of the metered parts; undefined without any. */
function meteredIn(parts: readonly IntervalPart[], multiplier: Amount): Amount | undefined {
  const energies = parts.map(({ from, to, multiplier: own }) => multiply(subtract(to, from), own ?? multiplier))
  return energies.length > 0 ? energies.reduce(add) : undefined
}
