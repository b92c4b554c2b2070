import type { Result } from '@metergate/protocol'
import type { BusFault } from '../bus/bus-fault.js'
import type { BusAnswer } from '../bus/register-bus.js'
import { afterRefusal, defies, type Learnt, NOTHING_LEARNT, type Refusal } from './learnt.js'
import { isMerged, itemKey, type PlannedRead, wordsOf } from './planned-read.js'

/** One read of a poll and what came of it; undefined when it was not asked. */
export interface BlockOutcome {
  readonly read: PlannedRead
  readonly outcome: Result<BusAnswer, BusFault> | undefined
}

/** One lesson is put to the test this often: a meter that was just starting refuses what it knows. */
const RETRY_MS = 600_000
/** Polls in a row in which a meter that answers other reads keeps silent at this one: then it crosses a hole of its map … */
const SILENT_MERGED = 3
/** … or, asked alone, is one. Longer, because what is left out is lost for a while, and a noisy line is silent too. */
const SILENT_ALONE = 6
/** So many times as long for what it has given before: that is rather a noisy line than a hole. */
const GIVEN_BEFORE = 4

/**
 * What one meter refuses, learnt from its exceptions and from its silences: some meters say nothing at all to an address they do
 * not have (https://github.com/yaacov/node-modbus-serial/issues/505). Nothing is learnt for ever: the oldest lesson is put to the
 * test now and then.
 */
export class Lessons {
  #learnt: Learnt = NOTHING_LEARNT
  /** The one refused item, or the one parting, that is put to the test. */
  #onTrial: Learnt = NOTHING_LEARNT
  /** Which kind is tested first; the other's turn comes when one of it is still refused. */
  #triesPartings = false
  #retriedAt = Number.NEGATIVE_INFINITY
  /** Reads the meter keeps silent at though it answers others, and for how many polls. */
  readonly #silences = new Map<string, number>()
  /** What the meter has ever answered: merged reads by their words, items by their keys. */
  readonly #given = new Set<string>()
  /** Reads whose names stand in `#given`. */
  readonly #noted = new WeakSet<PlannedRead>()
  #lastAnswered: PlannedRead | undefined

  /** The read it answered last. */
  get lastAnswered(): PlannedRead | undefined {
    return this.#lastAnswered
  }

  get learnt(): Learnt {
    return this.#learnt
  }

  isOnTrial(read: PlannedRead): boolean {
    return defies(read, this.#onTrial)
  }

  answered(read: PlannedRead): void {
    this.#lastAnswered = read
    // A plan asks the same reads for years.
    if (this.#noted.has(read)) return
    this.#noted.add(read)
    for (const name of [wordsOf(read), ...read.items.map(({ item }) => itemKey(item, read))]) this.#given.add(name)
  }

  /** Whether the meter has answered this before, so that it crosses no hole of its map. */
  hasGiven(read: PlannedRead): boolean {
    if (isMerged(read)) return this.#given.has(wordsOf(read))
    return read.items.every(({ item }) => this.#given.has(itemKey(item, read)))
  }

  /** Whether silence at this read would be no wonder. */
  isDoubtful(read: PlannedRead): boolean {
    const { barriers, refused } = this.#onTrial
    const isOfSilence = [...barriers, ...refused].some(({ how }) => how === 'timeout')
    return this.#silences.has(wordsOf(read)) || (isOfSilence && this.isOnTrial(read))
  }

  /** What may draw silence is asked last, so that it is not taken for a dead meter. */
  inOrder(reads: readonly PlannedRead[]): readonly PlannedRead[] {
    return [...reads].sort((a, b) => Number(this.isDoubtful(a)) - Number(this.isDoubtful(b)))
  }

  /** Takes the oldest lesson out of what was learnt when it is time to; true when plans have to be made anew. */
  refresh(now: number): boolean {
    if (now - this.#retriedAt < RETRY_MS) return false
    this.#retriedAt = now
    // One that no read has put to the test until now goes back.
    if (this.#onTrial !== NOTHING_LEARNT) this.#keep()
    const { barriers, refused } = this.#learnt
    const [barrier, item] = [barriers[0], refused[0]]
    if (barrier !== undefined && (this.#triesPartings || item === undefined)) {
      this.#onTrial = { barriers: [barrier], refused: [] }
      this.#learnt = { barriers: barriers.slice(1), refused }
    } else if (item !== undefined) {
      this.#onTrial = { barriers: [], refused: [item] }
      this.#learnt = { barriers, refused: refused.slice(1) }
    } else return false
    return true
  }

  /** The meter refused a read, or is taken to. */
  refused(read: PlannedRead, how: Refusal, now: number): void {
    // A merged read with an item on trial may be refused for being merged: the item must still be asked alone. Silence costs
    // too much for that.
    const isSettled = how === 'timeout' || !isMerged(read) || this.#onTrial.barriers.length > 0
    this.#silences.delete(wordsOf(read))
    if (this.isOnTrial(read) && isSettled) {
      this.#keep(how)
      this.#retriedAt = now
    } else this.#learnt = afterRefusal(this.#learnt, read, how)
  }

  /** What a poll showed, in which the meter said something; true when plans have to be made anew. */
  heard(blocks: readonly BlockOutcome[], now: number): boolean {
    // It answers what it once refused, so it may answer the rest, too: the next lesson is put to the test at once.
    if (blocks.some(({ read, outcome }) => outcome?.ok && this.isOnTrial(read))) {
      this.#onTrial = NOTHING_LEARNT
      this.#retriedAt = Number.NEGATIVE_INFINITY
    }
    const due = blocks.filter(({ read, outcome }) => outcome && this.#isSilentForLong(read, outcome))
    for (const { read } of due) this.refused(read, 'timeout', now)
    return due.length > 0
  }

  #isSilentForLong(read: PlannedRead, outcome: Result<BusAnswer, BusFault>): boolean {
    const words = wordsOf(read)
    if (outcome.ok || outcome.fault.kind !== 'timeout') {
      this.#silences.delete(words)
      return false
    }
    const polls = (this.#silences.get(words) ?? 0) + 1
    this.#silences.set(words, polls)
    const enough = isMerged(read) ? SILENT_MERGED : SILENT_ALONE
    return polls >= (this.hasGiven(read) ? enough * GIVEN_BEFORE : enough)
  }

  /** What is on trial stays learnt; `how`: as the meter has shown it this time. */
  #keep(how?: Refusal): void {
    const { barriers, refused } = this.#onTrial
    this.#learnt = {
      barriers: [...this.#learnt.barriers, ...barriers.map((each) => ({ ...each, how: how ?? each.how }))],
      refused: [...this.#learnt.refused, ...refused.map((each) => ({ ...each, how: how ?? each.how }))],
    }
    this.#onTrial = NOTHING_LEARNT
    this.#triesPartings = !this.#triesPartings
  }
}
