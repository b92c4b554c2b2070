import {
  asQuantityName,
  decodeModbusItem,
  decodeRaw,
  type ModbusItem,
  type ModbusProfile,
  type QuantityName,
  quantity,
  registersOf,
  toNumber,
} from '@metergate/protocol'
import type { Localized } from '../i18n/localized.js'
import { IDENTIFY } from '../i18n/scan-texts.js'
import type { AnswerBook, Probe } from './answer-book.js'
import { checkLaws, plausibility, type Values } from './physics.js'

type Signature = ModbusProfile['signature'][number]

/** One reason for or against a model; `points` above 0 speak for it. */
export interface Evidence {
  readonly points: number
  readonly text: Localized
}

export interface ProfileScore {
  readonly profile: ModbusProfile
  readonly points: number
  readonly evidence: readonly Evidence[]
  /** Weight of what hardly happens by chance: signature registers that hold what they should, laws that hold under load. */
  readonly proof: number
  /** Signature registers not asked yet. */
  readonly open: readonly Signature[]
  readonly values: Values
}

/** Values of one meter that fit are many and depend on each other: together they count for no more than this. */
const MOST_FOR_VALUES = 4
const MOST_AGAINST_VALUES = -8

/**
 * How well the answers fit one model: its signature registers, which of its registers are answered or refused, whether
 * the values could be true and whether they agree with each other. Pure; the same book and profile give the same score.
 */
export function scoreProfile(profile: ModbusProfile, book: AnswerBook): ProfileScore {
  const signatures = profile.signature.map((signature) => ({
    signature,
    evidence: scoreSignature(signature, profile, book),
  }))
  const values = valuesOf(profile, book)
  const laws = scoreLaws(values)
  const evidence = [
    ...signatures.flatMap((each) => (each.evidence ? [each.evidence] : [])),
    ...scoreReadable(profile, book),
    ...scoreValues(values),
    ...laws,
  ]
  return {
    profile,
    points: evidence.reduce((sum, { points }) => sum + points, 0),
    evidence,
    proof: proofOf(signatures, laws),
    open: signatures.flatMap((each) => (each.evidence ? [] : [each.signature])),
    values,
  }
}

function proofOf(
  signatures: readonly { readonly signature: Signature; readonly evidence: Evidence | undefined }[],
  laws: readonly Evidence[],
): number {
  const matched = signatures.filter(({ signature, evidence }) => (evidence?.points ?? 0) >= signature.weight)
  const holding = laws.filter(({ points }) => points > 0)
  return (
    matched.reduce((sum, { signature }) => sum + signature.weight, 0) +
    holding.reduce((sum, { points }) => sum + points, 0)
  )
}

/** Undefined while the register was not asked. */
function scoreSignature(signature: Signature, profile: ModbusProfile, book: AnswerBook): Evidence | undefined {
  const { expect, weight } = signature
  const what = nameOf(signature)
  // Asked alone: some meters show something else at the same place inside a block.
  const exact = book.exact(signature)
  const bytes = exact?.kind === 'data' ? exact.data : undefined
  const where = registerText(signature)
  if ('exception' in expect) {
    if (bytes) return { points: -2 * weight, text: IDENTIFY.shouldRefuse(what, where) }
    return exact?.kind === 'refused' ? { points: weight, text: IDENTIFY.refusesAsExpected(what, where) } : undefined
  }
  if (bytes) return scoreContent(signature, profile, bytes)
  switch (exact?.kind) {
    case 'refused':
      return { points: -2 * weight, text: IDENTIFY.refuses(what, where) }
    case 'silent':
      return { points: -weight, text: IDENTIFY.silent(what, where) }
    case 'broken':
    case 'busy':
      return { points: 0, text: IDENTIFY.noWord(what, where) }
    default:
      return undefined
  }
}

function scoreContent(
  { expect, what, what_zh, weight, ...place }: Signature,
  profile: ModbusProfile,
  bytes: Uint8Array,
): Evidence {
  const where = registerText(place)
  const name = nameOf({ what, what_zh })
  if ('exception' in expect) return { points: 0, text: IDENTIFY.noWord(name, where) }
  if ('hex' in expect) {
    const hex = Buffer.from(bytes).toString('hex')
    return expect.hex.includes(hex)
      ? { points: weight, text: IDENTIFY.holds(name, where, hex) }
      : { points: -3 * weight, text: IDENTIFY.holdsOther(name, where, hex) }
  }
  const raw = decodeRaw(expect.type, bytes, profile.word_order)
  if (!raw.ok) return { points: -weight, text: IDENTIFY.notAvailable(name, where) }
  const value = raw.value.kind === 'integer' ? Number(raw.value.n) : raw.value.value
  // Zero is what a hole in the map, a dead phase and an unused counter look like.
  if (value === 0) return { points: expect.min <= 0 ? weight / 4 : -weight / 2, text: IDENTIFY.zero(name, where) }
  return value >= expect.min && value <= expect.max && !isDenormal(expect.type, value)
    ? { points: weight, text: IDENTIFY.holds(name, where, shortNumber(value)) }
    : { points: -2 * weight, text: IDENTIFY.holdsOther(name, where, shortNumber(value)) }
}

/** An integer read as a float is a tiny number in every range that begins at zero. */
const isDenormal = (type: string, value: number): boolean =>
  (type === 'f32' || type === 'f64') && Math.abs(value) > 0 && Math.abs(value) < 1e-6

/** A signature's quantity in the reader's language; other registers are called as the profile calls them. */
function nameOf({ what, what_zh }: Pick<Signature, 'what' | 'what_zh'>): Localized {
  const name = asQuantityName(what)
  return name ? quantity(name).label : { en: what, zh: what_zh ?? what }
}

/** Registers of the model that were asked alone: answered with something, or refused. */
function scoreReadable(profile: ModbusProfile, book: AnswerBook): Evidence[] {
  return profile.items.flatMap((item): Evidence[] => {
    const probe = probeOf(item, profile)
    if (isSignature(probe, profile)) return []
    const { label } = quantity(item.quantity)
    if (book.isRefused(probe)) return [{ points: -3, text: IDENTIFY.refusesItem(label, registerText(probe)) }]
    const exact = book.exact(probe)
    if (exact?.kind === 'silent') return [{ points: -1.5, text: IDENTIFY.silentItem(label, registerText(probe)) }]
    if (exact?.kind !== 'data' || exact.data.every((byte) => byte === 0)) return []
    const value = decoded(item, profile, exact.data)
    const verdict = value === undefined ? 'zero' : plausibility(item.quantity, value)
    if (verdict === 'zero' || verdict === 'bad') return []
    // Any content could be a counter's.
    const points = verdict === 'good' ? 1.5 : profile.category === 'counter' ? 0.25 : 0.5
    return [{ points, text: IDENTIFY.hasItem(label, registerText(probe)) }]
  })
}

function isSignature(probe: Probe, profile: ModbusProfile): boolean {
  return profile.signature.some(({ function: fn, address }) => fn === probe.function && address === probe.address)
}

function scoreValues(values: Values): Evidence[] {
  const judged = [...values].map(([name, value]) => ({ name, value, verdict: plausibility(name, value) }))
  const good = judged.filter(({ verdict }) => verdict === 'good')
  const bad = judged.filter(({ verdict }) => verdict === 'bad')
  const forIt: Evidence[] =
    good.length > 0
      ? [{ points: Math.min(MOST_FOR_VALUES, good.length / 2), text: IDENTIFY.plausible(good.length) }]
      : []
  const [worst] = bad
  const against: Evidence[] = worst
    ? [
        {
          points: Math.max(MOST_AGAINST_VALUES, -1.5 * bad.length),
          text: IDENTIFY.implausible(quantity(worst.name).label, shortNumber(worst.value), quantity(worst.name).unit),
        },
      ]
    : []
  return [...forIt, ...against]
}

const LAW_POINTS = {
  power_of_phases: 3,
  power_from_ui: 2,
  power_triangle: 2,
  line_voltage: 2,
  power_factor: 2,
} as const

function scoreLaws(values: Values): Evidence[] {
  return checkLaws(values).flatMap(({ law, outcome, expected, found }): Evidence[] => {
    if (outcome === 'idle') return []
    const sign = outcome === 'holds' ? 1 : -1.5
    return [
      { points: sign * LAW_POINTS[law], text: IDENTIFY.laws[law](outcome, shortNumber(expected), shortNumber(found)) },
    ]
  })
}

/** Every value of the model that the answers hold, before any ratio. */
export function valuesOf(profile: ModbusProfile, book: AnswerBook): Values {
  const values = new Map<QuantityName, number>()
  if (profile.sunspec) return values
  for (const item of profile.items) {
    const bytes = item.alone ? soleBytes(book, probeOf(item, profile)) : book.bytes(probeOf(item, profile))
    const value = bytes && decoded(item, profile, bytes, scaleFactor(item, profile, book))
    if (value !== undefined) values.set(item.quantity, value)
  }
  return values
}

function soleBytes(book: AnswerBook, probe: Probe): Uint8Array | undefined {
  const outcome = book.exact(probe)
  return outcome?.kind === 'data' ? outcome.data : undefined
}

function scaleFactor(item: ModbusItem, profile: ModbusProfile, book: AnswerBook): number | undefined {
  if (item.scale_factor_address === undefined) return undefined
  const fn = item.function ?? profile.read_function
  const bytes = book.bytes({ function: fn, address: item.scale_factor_address, count: 1 })
  const factor = bytes && new DataView(bytes.buffer, bytes.byteOffset, 2).getInt16(0)
  return factor === -0x8000 ? undefined : factor
}

function decoded(item: ModbusItem, profile: ModbusProfile, bytes: Uint8Array, factor?: number): number | undefined {
  if (item.type === 'bit') return undefined
  const result = decodeModbusItem(item, profile, bytes, undefined, factor)
  return result.ok ? toNumber(result.value) : undefined
}

/** The read that asks for an item alone. */
export function probeOf(item: ModbusItem, profile: ModbusProfile): Probe {
  return { function: item.function ?? profile.read_function, address: item.address, count: registersOf(item.type) }
}

/** `3:0x2006`: function and address as manuals write them. */
export function registerText({ function: fn, address }: Pick<Probe, 'function' | 'address'>): string {
  return `${fn}:0x${address.toString(16).toUpperCase().padStart(4, '0')}`
}

/** Four significant digits. */
export function shortNumber(value: number): string {
  if (value === 0 || (Math.abs(value) >= 0.001 && Math.abs(value) < 1e7)) return String(Number(value.toPrecision(5)))
  return value.toExponential(2)
}
