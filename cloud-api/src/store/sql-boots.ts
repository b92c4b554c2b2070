import {
  type Anchor,
  AnchorBook,
  anchorRecordSchema,
  type BootId,
  bootIdSchema,
  type EpochMs,
  type GatewayId,
  type MeterId,
  type MonoRange,
  monoMsSchema,
} from '@metergate/protocol'
import { z } from 'zod'
import { placesFor, ROWS_AT_ONCE, type SqlTransaction } from './sql.js'

const anchorRow = anchorRecordSchema.pick({ boot: true, mono: true, true_wall: true, error_ms: true })
const bootRow = z.object({ boot: bootIdSchema, last: monoMsSchema })

/** Part of a boot, on its own clock. */
export interface Stretch extends MonoRange {
  readonly boot: BootId
  /** When its end was, as well as is known. */
  readonly end: number
}

/** Where rows of unknown time are: of which table, and of one meter where it has one. */
interface Shelf {
  readonly table: 'undated_spans' | 'events'
  readonly boot: 'boot' | 'undated_boot'
  readonly mono: 'to_mono' | 'mono'
  readonly meter?: MeterId
}

export async function readAnchors(tx: SqlTransaction, gateway: GatewayId, boots: readonly BootId[]): Promise<Anchor[]> {
  const found: Anchor[] = []
  for (let start = 0; start < boots.length; start += ROWS_AT_ONCE) {
    const part = boots.slice(start, start + ROWS_AT_ONCE)
    const text = `SELECT boot, mono, true_wall, error_ms FROM anchors
                  WHERE gateway_id = ? AND boot IN (${placesFor(part)})`
    for (const anchor of await tx.all(anchorRow, text, [gateway, ...part])) found.push(anchor)
  }
  return found
}

/** The boots that have such rows, and what dates them. */
export async function readBook(tx: SqlTransaction, gateway: GatewayId, shelf: Shelf): Promise<BootBook> {
  const boots = await bootsOn(tx, gateway, shelf)
  const ids = boots.map(({ boot }) => boot)
  return new BootBook(boots, await readAnchors(tx, gateway, ids))
}

/** From each boot straight to the next, so that what is asked grows with the boots and not with the rows. */
function bootsOn(tx: SqlTransaction, gateway: GatewayId, { table, boot, mono, meter }: Shelf) {
  const [own, values] =
    meter === undefined ? ['gateway_id = ?', [gateway]] : ['gateway_id = ? AND meter = ?', [gateway, meter]]
  const rows = `FROM ${table} WHERE ${own} AND ${boot}`
  const text = `WITH RECURSIVE boots (boot) AS (
      SELECT MIN(${boot}) ${rows} IS NOT NULL
      UNION ALL SELECT (SELECT MIN(${boot}) ${rows} > boots.boot) FROM boots WHERE boots.boot IS NOT NULL)
    SELECT boot, (SELECT MAX(${mono}) ${rows} = boots.boot) AS last FROM boots WHERE boot IS NOT NULL`
  return tx.all(bootRow, text, [...values, ...values, ...values])
}

/** Boots with rows of unknown time. */
export class BootBook {
  readonly anchors: AnchorBook

  constructor(
    readonly boots: readonly z.infer<typeof bootRow>[],
    readonly all: readonly Anchor[],
  ) {
    this.anchors = new AnchorBook(all)
  }

  /** The parts of anchored boots that lie in a range of time; the latest end first. */
  stretches({ from, to }: { readonly from: EpochMs; readonly to: EpochMs }): Stretch[] {
    const found: Stretch[] = []
    for (const { boot, last } of this.boots) {
      const own = this.anchors.of(boot)
      for (const range of own?.monosWithin(from, to) ?? []) {
        const [start, end] = [Math.max(Math.floor(range.from), -FURTHEST), Math.min(Math.ceil(range.to), FURTHEST)]
        const mono = monoMsSchema.parse(Math.min(end, last))
        const best = own?.bestAt(mono)
        if (best && start <= last) found.push({ boot, from: start, to: end, end: best.true_wall + mono - best.mono })
      }
    }
    return found.sort((a, b) => b.end - a.end)
  }
}

const FURTHEST = Number.MAX_SAFE_INTEGER
