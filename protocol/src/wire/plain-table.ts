import type { Seq } from '../ids.js'
import { invariant } from '../invariant.js'
import type { BootId } from '../time.js'
import { isObject, type Json, toJson } from './canonical.js'
import { decodeColumn, encodeColumn } from './columns.js'
import { WIRE_LIMITS } from './limits.js'
import { type LedgerRecord, ledgerRecordSchema, type Numbered } from './records.js'
import { decodeSeqs, decodeStamps, encodeRowHead } from './row-head.js'

/**
 * Ledger records of one kind (and meter) with the same members, as columns named by their path:
 * `"deltas/0/from/n": [120455, 12, 9]`. One general way for all kinds, because they are few and small.
 */
type Row = { readonly seqed: Numbered<LedgerRecord>; readonly leaves: ReadonlyMap<string, Json> }

export class PlainTables {
  private readonly tables = new Map<string, Row[]>()

  add(seqed: Numbered<LedgerRecord>): void {
    const { kind } = seqed.record
    const leaves = leavesOf(seqed.record)
    const key = JSON.stringify([kind, leaves.get('meter') ?? null, ...leaves.keys()])
    const rows = this.tables.get(key) ?? []
    rows.push({ seqed, leaves })
    this.tables.set(key, rows)
  }

  encode(bootIndex: ReadonlyMap<BootId, number>): Json[] {
    return [...this.tables.values()].map((rows) => encodeTable(rows, bootIndex))
  }
}

function encodeTable(rows: readonly Row[], bootIndex: ReadonlyMap<BootId, number>): Json {
  const [first] = rows
  invariant(first, 'a table without rows')
  const columns: Record<string, Json> = {}
  for (const path of first.leaves.keys()) {
    columns[path] = encodeColumn(rows.map((row) => row.leaves.get(path) ?? null))
  }
  return {
    kind: first.seqed.record.kind,
    rows: rows.length,
    ...encodeRowHead(
      rows.map((row) => row.seqed),
      bootIndex,
    ),
    columns,
  }
}

/** How many columns a ledger record has. */
export const plainWidth = (record: LedgerRecord): number => leavesOf(record).size

function leavesOf({ kind: _kind, stamp: _stamp, ...members }: LedgerRecord): ReadonlyMap<string, Json> {
  const leaves = new Map<string, Json>()
  shred('', toJson(members), leaves)
  return leaves
}

/** Objects and lists of objects become paths; everything else is a leaf. `facts` has free names, so it stays whole. */
function shred(path: string, value: Json, leaves: Map<string, Json>): void {
  const members = isObject(value) ? Object.entries(value) : isListOfObjects(value) ? [...value.entries()] : []
  if (members.length === 0 || path === 'facts') {
    leaves.set(path, value)
    return
  }
  for (const [name, member] of members) shred(path === '' ? `${name}` : `${path}/${name}`, member, leaves)
}

const isListOfObjects = (value: Json): value is readonly Json[] =>
  Array.isArray(value) && value.length > 0 && value.every(isObject)

/** One row's outcome: its record, or why there is none. */
export type PlainRow =
  | { readonly seq: Seq; readonly record: LedgerRecord }
  | { readonly seq: Seq; readonly reason: string }

/** The records of a table row by row, or the reason why the whole table is not understood. */
export function decodePlainTable(
  table: { readonly [key: string]: unknown },
  rows: number,
  boots: readonly BootId[],
): readonly PlainRow[] | string {
  const seqs = decodeSeqs(table, rows)
  const stamps = decodeStamps(table, rows, boots)
  if (!seqs || !stamps || !isObject(table.columns)) return 'number, stamp or value columns are wrong'
  const root: Branch = new Map()
  for (const [path, column] of Object.entries(table.columns)) {
    const values = decodeColumn(column, rows)
    if (!values) return `column ${path.slice(0, 80)} is wrong`
    if (!plant(root, path.split('/'), values)) return `column ${path.slice(0, 80)} contradicts another`
  }
  return seqs.map((seq, row) => {
    const members = grow(root, row)
    const candidate = isObject(members) ? { kind: table.kind, stamp: stamps[row], ...members } : members
    const record = ledgerRecordSchema.safeParse(candidate)
    if (record.success) return { seq, record: record.data }
    const issue = record.error.issues[0]
    const kind = typeof table.kind === 'string' ? table.kind : 'a table without a kind'
    return { seq, reason: `${kind}: ${issue?.path.join('.')} ${issue?.message}`.slice(0, 200) }
  })
}

/** Paths grown back into a tree: a branch has named members, a leaf has the values of all rows. */
type Branch = Map<string, Branch | readonly unknown[]>

function plant(root: Branch, path: readonly string[], values: readonly unknown[]): boolean {
  const name = path.at(-1)
  if (name === undefined || path.length > WIRE_LIMITS.depth) return false
  let branch = root
  for (const step of path.slice(0, -1)) {
    const next = branch.get(step) ?? new Map()
    if (!(next instanceof Map)) return false
    branch.set(step, next)
    branch = next
  }
  if (branch.has(name)) return false
  branch.set(name, values)
  return true
}

/** One row of the tree. Members named 0, 1, 2, … are a list: no record has such names. */
function grow(node: Branch | readonly unknown[], row: number): unknown {
  if (!(node instanceof Map)) return node[row]
  const names = [...node.keys()]
  const members = [...node.values()].map((member) => grow(member, row))
  if (names.length > 0 && names.every((name, index) => name === `${index}`)) return members
  // Without a prototype, `__proto__` is a name like any other; the schema then refuses it.
  const grown: Record<string, unknown> = Object.create(null)
  for (const [index, name] of names.entries()) grown[name] = members[index]
  return grown
}
