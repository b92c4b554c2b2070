import { WIRE_LIMITS } from '@metergate/protocol'
import { heldWithin, type Neighbours, neighboursOf } from './decay-tables.js'
import { complement, intersection, type NumberRange, union } from './number-ranges.js'
import type { BatchRow, ChunkRow, StreamRow, Tables } from './tables.js'

/** A row's own word on the numbers it holds. */
interface Ends {
  readonly first: number
  readonly last: number
}

/**
 * The numbers that go with a batch whose bytes cannot be believed. Its row may have decayed with them, so what it says counts
 * only where no other row has the number, and what lies between its neighbours counts as well.
 */
export function numbersOfBatch(tables: Tables, row: BatchRow): readonly NumberRange[] {
  const stream = tables.streams().find(({ id }) => id === row.stream)
  if (!stream) return [[row.first, row.last]]
  const { before, after = firstOfChunks(tables, row.stream) } = neighboursOf(tables, 'batch', row.stream, row.number)
  const edges: NumberRange = [(tables.chainStart(row.stream)?.last ?? 0) + 1, stream.last_seq]
  return numbersOf(tables, stream, row, between(stream, row, { before, after }, edges), row.id)
}

/** The same of a row of unsealed records that has already been taken out. */
export function numbersOfChunk(tables: Tables, stream: StreamRow, row: ChunkRow): readonly NumberRange[] {
  const edges: NumberRange = [tables.lastSealed(stream.id) + 1, stream.last_seq]
  return numbersOf(
    tables,
    stream,
    row,
    between(stream, row, neighboursOf(tables, 'chunk', row.stream, row.id), edges),
    -1,
  )
}

/**
 * What lies between a row's neighbours; beside the outermost rows it is what lies up to the edges. Not so in a stream that was left or
 * salvaged: records that were beside its rows have been copied to another, and only the row's own word says where it ends.
 */
function between(stream: StreamRow, row: Ends, { before, after }: Neighbours, edges: NumberRange): NumberRange {
  const [least, most] = stream.current || !isLikely(row) ? edges : [row.first, row.last]
  return [before === undefined ? least : before + 1, after === undefined ? most : after - 1]
}

/** More than a batch may hold is no row's own word. */
const isLikely = ({ first, last }: Ends): boolean => first <= last && last - first < WIRE_LIMITS.records

function numbersOf(
  tables: Tables,
  stream: StreamRow,
  row: Ends,
  held: NumberRange,
  batch: number,
): readonly NumberRange[] {
  const own: readonly NumberRange[] = isLikely(row) ? [[row.first, row.last]] : []
  const wanted = union([held, ...own].filter(([first, last]) => first <= last))
  const [first, last] = [wanted[0]?.[0] ?? 1, Math.min(wanted.at(-1)?.[1] ?? 0, stream.last_seq)]
  const free = complement(heldWithin(tables, stream.id, batch, first, last), first, last)
  return free.flatMap((range) => wanted.flatMap((each) => intersection(range, each)))
}

export function firstOfChunks(tables: Tables, stream: number): number | undefined {
  const [row] = tables.chunks(stream)
  return row?.first
}
