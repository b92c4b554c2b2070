import type { UnitKey } from './question.js'

/** What is known of a request: enough to say which answers could be its own. */
export interface Asked {
  readonly unit: UnitKey
  readonly shape: string
  readonly refusal: string
  /** The answer itself says which register it is of: an older answer to the same question is as good as the newest. */
  readonly namesRegister: boolean
}

interface Debt<A extends Asked> {
  readonly asked: A
  /** When its last byte was on the wire, the last time it was asked. */
  askedAt: number
  /** Asked more than once in a row, so one answer does not settle it. */
  many: boolean
}

/**
 * `mine`: certainly the answer to the unit's newest question. `late`: perhaps or certainly an older one's. `unknown`: nobody asked.
 * `askedAt`: when the newest question it could answer was asked, so that no unit is thought slower than is certain.
 */
export type Verdict =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'mine'; readonly askedAt: number }
  | { readonly kind: 'late'; readonly askedAt: number }

/**
 * The book of unanswered questions, one page per unit, in the order asked. It is why a late answer is never taken
 * for the value of another register, although a Modbus RTU answer names neither register nor request.
 *
 * What is relied on: one talker on the line, and a unit that answers its questions in the order they were asked,
 * each at most once (it may leave any out). A slave has one receive buffer and answers or forgets, and
 * serial servers keep the order of bytes, so this holds on a wire; nothing is assumed about *how late* an answer is.
 *
 * The rule: an answer of shape s from unit u is the answer to the **first** open question of that shape or to a later one.
 * Either way everything asked before that first one will never be answered any more: it is struck off, and so is the
 * first one. The answer is accepted as a value only if what was struck off last is the newest question, that is, if
 * no older question of the same shape was open. So
 *
 * - a question of a shape that is still open must not be asked for its value ({@link isOpen}); a question of
 *   another length goes first, to resynchronise, and its answer strikes off everything before it. Any ordinary read
 *   of another length does this by itself, at no cost;
 * - a late answer during the resynchronising read has another length: struck off, counted, never used;
 * - two time-outs in a row leave two open questions of two shapes; a third needs a third shape or repeats the
 *   last one. Repeated questions (`many`) are not struck off by their own answers, only by the answer to something
 *   later (the alternating-bit protocol over an ordered channel), so a unit that is dead for days costs one entry;
 * - an answer of unit A while B is asked belongs on A's page and says nothing about B;
 * - a refusal (exception) carries no length: it fits every open question of its function. While more than one is open it
 *   is nobody's for certain: it strikes off the first and is not reported as the newest one's, so that a late exception never
 *   makes a read plan split the wrong read. The next round, with an empty page, gives it for certain;
 * - where an answer names its register (DL/T 645), a question asked again takes the place of the older one: either's answer is
 *   this register's value, so the book holds each register once and grows no longer than the meter's list;
 * - an answer destroyed by noise leaves its question open, which costs one short read and never a wrong value.
 *
 * The page outlives closing and opening the line: a serial server may still deliver to the new connection.
 */
export class Debts<A extends Asked> {
  readonly #pages = new Map<UnitKey, Debt<A>[]>()

  /** Enters the newest question of its unit. */
  ask(asked: A, askedAt: number): void {
    const known = this.#pages.get(asked.unit) ?? []
    const page = asked.namesRegister ? known.filter((debt) => debt.asked.shape !== asked.shape) : known
    const last = page.at(-1)
    if (last?.asked.shape === asked.shape) {
      last.many = true
      last.askedAt = askedAt
    } else page.push({ asked, askedAt, many: false })
    this.#pages.set(asked.unit, page)
  }

  /** Strikes off what an answer (or refusal) of this shape settles, and says whose it is. */
  settle(unit: UnitKey, shape: string): Verdict {
    const page = this.#pages.get(unit) ?? []
    const fits = ({ asked }: Debt<A>): boolean => asked.shape === shape || asked.refusal === shape
    const index = page.findIndex(fits)
    const debt = page[index]
    const askedAt = page.findLast(fits)?.askedAt
    if (!debt || askedAt === undefined) return { kind: 'unknown' }
    const newest = index === page.length - 1
    page.splice(0, debt.many ? index : index + 1)
    if (page.length === 0) this.#pages.delete(unit)
    return newest && !debt.many ? { kind: 'mine', askedAt } : { kind: 'late', askedAt }
  }

  /** Whether a question of this shape is unanswered, so that asking it again would make answers ambiguous. */
  isOpen(unit: UnitKey, shape: string): boolean {
    return this.#pages.get(unit)?.some(({ asked }) => asked.shape === shape) ?? false
  }

  /** Whether an answer or refusal of this shape could still come from the unit. */
  expects(unit: UnitKey, shape: string): boolean {
    return this.#pages.get(unit)?.some(({ asked }) => asked.shape === shape || asked.refusal === shape) ?? false
  }

  /** The newest unanswered question of a unit. */
  newest(unit: UnitKey): A | undefined {
    return this.#pages.get(unit)?.at(-1)?.asked
  }

  /** Unanswered questions of a unit. */
  count(unit: UnitKey): number {
    return this.#pages.get(unit)?.length ?? 0
  }
}
