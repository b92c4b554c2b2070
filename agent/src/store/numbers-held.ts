import { WIRE_LIMITS } from '@metergate/protocol'
import type { BatchRow, ChunkRow, StreamRow, Tables } from './tables.js'

/** Record numbers, both ends included. */
export type NumberRange = readonly [first: number, last: number]

/**
 * The numbers that go with a batch whose bytes cannot be believed. Its row may have decayed with them, so what it says counts
 * only where no other row has the number, and what lies between its neighbours counts as well.
 */
export function numbersOfBatch(tables: Tables, row: BatchRow): readonly NumberRange[] {
  const stream = tables.streams().find(({ id }) => id === row.stream)
  if (!stream) return [[row.first, row.last]]
  const { before, after } = tables.batchNeighbours(row.stream, row.number)
  const from = before ?? tables.chainStart(row.stream)?.last ?? 0
  const to = after ?? firstOfChunks(tables, row.stream) ?? stream.last_seq + 1
  return numbersOf(row, [from + 1, to - 1], stream, tables.ends(row.stream, row.id))
}

/** The same of a row of unsealed records that has already been taken out. */
export function numbersOfChunk(tables: Tables, stream: StreamRow, row: ChunkRow): readonly NumberRange[] {
  const { before, after } = tables.chunkNeighbours(row.stream, row.id)
  const between: NumberRange = [(before ?? tables.lastSealed(stream.id)) + 1, (after ?? stream.last_seq + 1) - 1]
  return numbersOf(row, between, stream, tables.ends(stream.id, -1))
}

function numbersOf(
  row: { readonly first: number; readonly last: number },
  between: NumberRange,
  stream: StreamRow,
  others: readonly NumberRange[],
): readonly NumberRange[] {
  const free = complement(others, stream.last_seq)
  const wanted: NumberRange[] = [between]
  // More than a batch may hold is no row's own word.
  if (row.last - row.first < WIRE_LIMITS.records) wanted.push([row.first, row.last])
  const held = free.filter(([first, last]) => wanted.some(([from, to]) => first <= to && last >= from))
  return held.flatMap((range) => union(wanted.flatMap((each) => intersection(range, each))))
}

/** Numbers from 1 to `last` that are in none of the ranges, which are in the order of their beginnings. */
function complement(ranges: readonly NumberRange[], last: number): NumberRange[] {
  const free: NumberRange[] = []
  let next = 1
  for (const [from, to] of ranges) {
    if (from > next) free.push([next, Math.min(from - 1, last)])
    next = Math.max(next, to + 1)
  }
  if (next <= last) free.push([next, last])
  return free.filter(([from, to]) => from <= to)
}

const intersection = ([a, b]: NumberRange, [c, d]: NumberRange): NumberRange[] =>
  Math.max(a, c) <= Math.min(b, d) ? [[Math.max(a, c), Math.min(b, d)]] : []

function union(ranges: readonly NumberRange[]): NumberRange[] {
  const joined: [number, number][] = []
  for (const [first, last] of [...ranges].sort(([a], [b]) => a - b)) {
    const before = joined.at(-1)
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last)
    else joined.push([first, last])
  }
  return joined
}

function firstOfChunks(tables: Tables, stream: number): number | undefined {
  for (const { first } of tables.chunks(stream)) return first
  return undefined
}
