import type { LoadedConfig, RecordPlace, SqliteRecordStore } from '@metergate/agent'
import {
  type AnchorRecord,
  dateOf,
  decodeRecord,
  encodeRecord,
  type GapRecord,
  originOf,
  type ReadingRecord,
  type Seq,
  type StreamId,
  type StreamRecord,
  seqSchema,
} from '@metergate/protocol'
import type { ModbusMeter } from '@metergate/simulator'
import { GATEWAY, type WorldCloud } from './cloud.js'
import { judgeEnergy, type PlacedInterval } from './oracle-energy.js'
import { judgeReadings } from './oracle-readings.js'
import { EPOCH_MS } from './plant.js'
import type { Ledger } from './told-store.js'
import type { Served } from './wire.js'

/** A promise broken: which one (I1-I8), and where. */
export interface Violation {
  readonly invariantName: 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8'
  readonly what: string
}

/** One boot of the machine as the world knows it: when it began, and how fast its clock runs. */
export interface BootFacts {
  readonly bootId: string
  readonly bornMs: number
  readonly rate: number
}

/** What is still on the device at the end. */
export interface DeviceFacts {
  readonly gaps: readonly GapRecord[]
  readonly backlog: number
  holds(stream: StreamId, seq: Seq): boolean
}

export interface JudgeParts {
  readonly cloud: WorldCloud
  readonly ledger: Ledger
  readonly boots: readonly BootFacts[]
  readonly served: readonly Served[]
  readonly meters: readonly ModbusMeter[]
  readonly loaded: LoadedConfig
  readonly device: DeviceFacts
}

/** Everything the cloud holds, by stream and number. */
interface CloudFacts {
  readonly records: ReadonlyMap<StreamId, ReadonlyMap<Seq, StreamRecord>>
  /** Numbers whose record arrived as a copy in another stream. */
  readonly copied: ReadonlyMap<StreamId, ReadonlyMap<Seq, StreamRecord>>
  /** How many different records there are: of an original and all its copies one counts, whichever came. */
  readonly different: number
  /** Single records that were refused for good; a void batch without successors names each, on both sides. */
  readonly refused: readonly Named[]
  readonly batches: number
}

/** Numbers whose record is known to be gone. */
type Named = Pick<GapRecord, 'stream' | 'first' | 'last'>

/** More than a few minutes of records left after the calm is no draining. */
const MOST_LEFT = 100
const MOST_NAMED = 3

/** A heartbeat of the last two and a half minutes with a value of every meter is what a person sees as fresh. */
export async function checkFresh(cloud: WorldCloud, loaded: LoadedConfig): Promise<Violation[]> {
  const heartbeat = await cloud.store.reader.heartbeat(GATEWAY)
  const ageMs = heartbeat ? cloud.wall() - heartbeat.at : Number.POSITIVE_INFINITY
  if (!heartbeat || ageMs > 150_000) return [{ invariantName: 'I7', what: `the last heartbeat is ${ageMs} ms old` }]
  return loaded.config.meters.flatMap(({ id }): Violation[] => {
    const last = heartbeat.body.meters.find((meter) => meter.id === id)?.last ?? []
    const isFresh = last.some((each) => each.value !== undefined)
    return isFresh ? [] : [{ invariantName: 'I7', what: `five minutes after the faults nothing of ${id} is visible` }]
  })
}

/** What the device holds, read from the real store before it is closed. */
export function deviceFacts(store: SqliteRecordStore): DeviceFacts {
  const { streams } = store.health()
  const ranges = store.pending(10_000).flatMap(({ stream, number }) => {
    const batch = store.load(stream, number)
    return batch ? [{ stream, first: batch.first, last: batch.last }] : []
  })
  for (const { stream, lastSealed } of streams) {
    ranges.push({ stream, first: seqAfter(lastSealed), last: seqAfter(Number.MAX_SAFE_INTEGER - 1) })
  }
  const ledger = [...store.records({ stream: 'ledger', kinds: ['gap'] })]
  return {
    gaps: ledger.flatMap(({ record }) => (record.kind === 'gap' ? [record] : [])),
    backlog: streams.reduce((sum, each) => sum + each.unacknowledged, 0),
    holds: (stream, seq) => ranges.some((each) => each.stream === stream && seq >= each.first && seq <= each.last),
  }
}

/** Holds what the agent was told and what the meters served against what arrived. */
export async function judge(parts: JudgeParts) {
  const violations: Violation[] = []
  const facts = await readCloud(parts.cloud, violations)
  const records = [...facts.records.values()].flatMap((each) => [...each.values()])
  const copies = [...facts.copied.values()].flatMap((each) => [...each.values()])
  const all = [...records, ...copies]
  const inCloud = all.flatMap((record) => (record.kind === 'gap' ? [record] : []))
  const gaps: Named[] = [...parts.device.gaps, ...inCloud, ...facts.refused]
  violations.push(...judgeLoss(parts, facts, gaps), ...(await judgeOrder(parts, facts, gaps)))
  const readings = all.flatMap((record): ReadingRecord[] => (record.kind === 'reading' ? [record] : []))
  violations.push(...judgeReadings(parts, readings), ...judgeTime(parts.boots, all))
  const intervals = allIntervals(parts.ledger, facts, gaps)
  const untold = gaps.flatMap((gap) => untoldOf(gap, parts.ledger, facts))
  violations.push(...judgeEnergy(parts.meters, intervals, { from: EPOCH_MS, until: parts.cloud.wall() }, untold))
  if (parts.device.backlog > MOST_LEFT) {
    violations.push({ invariantName: 'I7', what: `${parts.device.backlog} records still wait after the calm` })
  }
  return { violations, batches: facts.batches, intervals: intervals.length }
}

async function readCloud(cloud: WorldCloud, violations: Violation[]): Promise<CloudFacts> {
  const records = new Map<StreamId, Map<Seq, StreamRecord>>()
  const copied = new Map<StreamId, Map<Seq, StreamRecord>>()
  const refused: Named[] = []
  const homes = new Set<string>()
  let batches = 0
  for await (const { stream, number, batch } of cloud.batches()) {
    batches += 1
    const { header, uninterpreted } = batch
    if (header.void?.successors.length === 0) {
      refused.push({ stream, first: header.first, last: header.last })
      for (const { stream: from, was } of header.origin ?? []) refused.push({ stream: from, first: was, last: was })
    }
    for (const { reason } of uninterpreted) {
      violations.push({ invariantName: 'I2', what: `batch ${number} holds what cannot be read: ${reason}` })
    }
    for (const { seq, record } of batch.records) {
      const known = mapOf(records, stream)
      const before = known.get(seq)
      // Twice the same is for the cloud to notice, see below; twice something else is a number used again.
      if (before && encodeRecord(before) !== encodeRecord(record)) {
        violations.push({ invariantName: 'I2', what: `${name(stream, seq)} is two different records` })
      }
      known.set(seq, record)
      const origin = originOf(header, seq)
      const home = origin ?? { stream, seq }
      homes.add(`${home.stream} ${home.seq}`)
      if (origin) mapOf(copied, origin.stream).set(origin.seq, record)
    }
  }
  return { records, copied, different: homes.size, refused, batches }
}

/** The record under a number, in its own stream or as a copy in another. */
const arrivedAs = ({ records, copied }: CloudFacts, stream: StreamId, seq: Seq): StreamRecord | undefined =>
  records.get(stream)?.get(seq) ?? copied.get(stream)?.get(seq)

/** Intervals that arrived, and those that were stored and are gone under a number that a gap names: what follows rests on them. */
function allIntervals({ told }: Ledger, facts: CloudFacts, gaps: readonly Named[]): PlacedInterval[] {
  const found: PlacedInterval[] = []
  const take = (stream: StreamId, seq: Seq, record: StreamRecord): void => {
    if (record.kind === 'interval') found.push({ ...record, stream, seq })
  }
  for (const records of [facts.records, facts.copied])
    for (const [stream, each] of records) for (const [seq, record] of each) take(stream, seq, record)
  for (const [stream, records] of told) {
    for (const [seq, text] of records) {
      if (arrivedAs(facts, stream, seq) || !isNamed(gaps, stream, seq)) continue
      const record = decodeRecord(text)
      if (record.ok) take(stream, seq, record.value)
    }
  }
  return found
}

/** Numbers a gap names that nobody was told of and that never arrived: they fell out of the queue before a commit. */
function untoldOf({ stream, first, last }: Named, { told }: Ledger, facts: CloudFacts): RecordPlace[] {
  const places: RecordPlace[] = []
  for (let seq = first; seq <= last; seq = seqAfter(seq))
    if (!told.get(stream)?.has(seq) && !arrivedAs(facts, stream, seq)) places.push({ stream, seq })
  return places
}

/** I1 and the content half of I2. */
function judgeLoss({ ledger, device }: JudgeParts, facts: CloudFacts, gaps: readonly Named[]): Violation[] {
  const lost: string[] = []
  const changed: string[] = []
  for (const [stream, told] of ledger.told) {
    for (const [seq, text] of told) {
      const arrived = arrivedAs(facts, stream, seq)
      if (arrived) {
        if (encodeRecord(arrived) !== text) changed.push(name(stream, seq))
      } else if (!isNamed(gaps, stream, seq) && !device.holds(stream, seq)) lost.push(name(stream, seq))
    }
  }
  return [
    ...some('I1', lost, 'was called stored and is nowhere'),
    ...some('I2', ledger.givenTwice, 'was called stored twice, as two different records'),
    ...some('I2', changed, 'is another record in the cloud than the one stored under its number'),
  ]
}

/** I3: numbers without holes, but for named ones. */
async function judgeOrder({ cloud }: JudgeParts, facts: CloudFacts, gaps: readonly Named[]): Promise<Violation[]> {
  const holes: string[] = []
  for (const [stream, records] of facts.records) {
    const last = Math.max(...records.keys())
    for (let number = 1; number <= last; number += 1) {
      const seq = seqAfter(number - 1)
      if (arrivedAs(facts, stream, seq) || isNamed(gaps, stream, seq)) continue
      holes.push(name(stream, seq))
    }
  }
  const rows = await cloud.store.reader.streams(GATEWAY)
  const broken = rows.filter(({ chainBroken }) => chainBroken > 0).map(({ stream }) => stream.slice(0, 6))
  const counted = rows.reduce((sum, { records, copies }) => sum + records - copies, 0)
  const { different } = facts
  const twice = counted === different ? [] : [`${counted} records counted, ${different} different ones held:`]
  return [
    ...some('I2', twice, 'something counts twice or not at all'),
    ...some('I3', holes, 'is missing between others'),
    ...some('I3', broken, 'has a broken chain'),
  ]
}

/** I6: a stamp that says it knows the time does; a date worked out afterwards is within its own bound. */
function judgeTime(boots: readonly BootFacts[], records: readonly StreamRecord[]): Violation[] {
  const anchors = records.flatMap((record): AnchorRecord[] => (record.kind === 'anchor' ? [record] : []))
  const wrong: string[] = []
  const misdated: string[] = []
  for (const { stamp, kind } of records) {
    const boot = boots.find(({ bootId }) => bootId === stamp.boot)
    if (!boot) {
      wrong.push(`a ${kind} of the unknown boot ${stamp.boot}`)
      continue
    }
    const trueMs = EPOCH_MS + boot.bornMs + stamp.mono / boot.rate
    const dated = dateOf(stamp, anchors)
    const off = Math.round(dated.at - trueMs)
    if (dated.quality === 'S' && Math.abs(off) > 2_000) wrong.push(`a ${kind} stamped S, ${off} ms off`)
    if (dated.quality === 'D' && Math.abs(off) > (dated.errorMs ?? 0) + 2) {
      misdated.push(`a ${kind} dated ${off} ms off, ${dated.errorMs} allowed`)
    }
  }
  return [...some('I6', wrong, ''), ...some('I6', misdated, '')]
}

const isNamed = (gaps: readonly Named[], stream: StreamId, seq: Seq): boolean =>
  gaps.some((gap) => gap.stream === stream && gap.first <= seq && gap.last >= seq)

function some(invariantName: Violation['invariantName'], found: readonly string[], why: string): Violation[] {
  if (found.length === 0) return []
  const more = found.length > MOST_NAMED ? ` and ${found.length - MOST_NAMED} more` : ''
  return [{ invariantName, what: `${found.slice(0, MOST_NAMED).join(', ')}${more} ${why}`.trim() }]
}

function mapOf<T>(all: Map<StreamId, Map<Seq, T>>, stream: StreamId): Map<Seq, T> {
  const known = all.get(stream) ?? new Map<Seq, T>()
  all.set(stream, known)
  return known
}

const name = (stream: StreamId, seq: Seq): string => `${stream.slice(0, 6)}/${seq}`
const seqAfter = (seq: number): Seq => seqSchema.parse(seq + 1)
