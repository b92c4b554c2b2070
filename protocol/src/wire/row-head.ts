import type { Seq } from '../ids.js'
import { type BootId, CLOCK_QUALITIES, type ClockQuality, epochMsSchema, monoMsSchema, type Stamp } from '../time.js'
import type { Json } from './canonical.js'
import { decodeColumn, decodeIntegers, decodeNumbers, encodeColumn } from './columns.js'
import type { Numbered } from './records.js'

/**
 * What every row of every table has: its number and its stamp. A synchronised wall clock runs with the monotonic
 * one, so their difference is one constant where the wall clock alone would be as long a column again.
 */
export function encodeRowHead(rows: readonly Numbered[], bootIndex: ReadonlyMap<BootId, number>): Record<string, Json> {
  const stamps = rows.map((row) => row.record.stamp)
  const ahead = stamps.map((stamp) => stamp.wall - stamp.mono)
  return {
    seq: encodeColumn(rows.map((row) => row.seq)),
    boot: encodeColumn(stamps.map((stamp) => bootIndex.get(stamp.boot) ?? -1)),
    quality: encodeColumn(stamps.map((stamp) => stamp.quality)),
    mono: encodeColumn(stamps.map((stamp) => stamp.mono)),
    ...(stamps.every((stamp, row) => isExact(stamp, ahead[row]))
      ? { wall_minus_mono: encodeColumn(ahead) }
      : { wall: encodeColumn(stamps.map((stamp) => stamp.wall)) }),
  }
}

/** The numbers of a table's rows, told apart from the rest so that they can be named when the rest is not understood. */
export function decodeSeqs(table: { readonly [key: string]: unknown }, rows: number): readonly Seq[] | undefined {
  const seqs = decodeColumn(table.seq, rows)
  return seqs?.every(isSeq) ? seqs : undefined
}

const isSeq = (value: unknown): value is Seq => typeof value === 'number' && Number.isSafeInteger(value) && value >= 1

/** The stamps of a table's rows, or undefined when a column is wrong. */
export function decodeStamps(
  table: { readonly [key: string]: unknown },
  rows: number,
  boots: readonly BootId[],
): readonly Stamp[] | undefined {
  const boot = decodeIntegers(table.boot, rows)
  const quality = decodeColumn(table.quality, rows)
  const mono = decodeNumbers(table.mono, rows)
  const relative = table.wall === undefined
  const wall = decodeNumbers(relative ? table.wall_minus_mono : table.wall, rows)
  if (!boot || !quality || !mono || !wall) return undefined
  const stamps: Stamp[] = []
  for (let row = 0; row < rows; row += 1) {
    const stamp = {
      boot: boots[boot[row] ?? -1],
      mono: monoMsSchema.safeParse(mono[row]),
      wall: epochMsSchema.safeParse((wall[row] ?? Number.NaN) + (relative ? (mono[row] ?? Number.NaN) : 0)),
      quality: CLOCK_QUALITIES.find((each): each is ClockQuality => each === quality[row]),
    }
    if (!stamp.boot || !stamp.mono.success || !stamp.wall.success || !stamp.quality) return undefined
    stamps.push({ boot: stamp.boot, mono: stamp.mono.data, wall: stamp.wall.data, quality: stamp.quality })
  }
  return stamps
}

const isExact = (stamp: Stamp, ahead: number | undefined): boolean =>
  Number.isSafeInteger(ahead) && Number.isSafeInteger(stamp.mono)
