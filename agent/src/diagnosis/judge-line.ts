import { type LineSettings, sameSettings } from '../bus/line-port.js'
import { DOCTOR } from '../i18n/doctor-texts.js'
import type { Finding } from './finding.js'

/** What one unit did with the questions put to it. Counts of answers; `short` are the reads of a single register. */
export interface UnitObservation {
  readonly name: string
  /** Speed and format it was asked at. */
  readonly settings: LineSettings
  readonly asked: number
  readonly good: number
  readonly refused: number
  readonly silent: number
  /** Bytes that were no whole answer, or whose check failed. */
  readonly broken: number
  readonly shortAsked: number
  readonly shortBroken: number
  /** Answers that came after their time-out. */
  readonly late: number
  /** Questions whose echo came back, whole or a piece of it. */
  readonly echoes: number
  /** Answers with which bytes came that belong to no frame. */
  readonly strays: number
  /** Whole answers of this unit, to whichever question. */
  readonly heard: number
  /** Questions that clearly more came back to than one answer. */
  readonly crowded: number
  /** The share, of 1, of what came back that has the shape of an answer, damaged or not. */
  readonly shaped: number
  /** Questions a whole answer of a unit came back to that nobody asks here, and those units' keys. */
  readonly foreign: number
  readonly foreigners: readonly string[]
  readonly turnaroundMs: number | undefined
  readonly timeoutMs: number
  /** Where it answers, when it is silent at the configured settings. */
  readonly answersAt?: LineSettings
}

export interface LineObservation {
  readonly settings: LineSettings
  /** Behind a serial server, which has the speed to itself: none but its own was tried. */
  readonly isSocket: boolean
  /** Why the line cannot be opened. */
  readonly down?: string
  /** Heard while nobody was asked: bytes, and whole frames among them. */
  readonly unaskedBytes: number
  readonly unaskedFrames: number
  readonly units: readonly UnitObservation[]
}

/** Of so few answers no share is taken. */
const LEAST_ASKED = 4
/** A share that is no chance: what happens so often belongs to the line. */
const USUAL = 0.3

/**
 * Names what disturbs the line from what was heard on it. Pure. A cause that explains another keeps it out: two meters on one
 * address also look like noise, and the wrong speed also like silence.
 */
export function judgeLine(line: LineObservation): Finding[] {
  if (line.down !== undefined) return [problem('line_down', DOCTOR.lineDown(line.down, line.isSocket))]
  const elsewhere = wholeLineAt(line)
  const units = line.units.flatMap((unit) => judgeUnit(unit, line, elsewhere))
  const whole = judgeWhole(line)
  const findings = [
    ...(elsewhere ? [atOtherSettings(line.settings, elsewhere)] : []),
    ...whole,
    ...(whole.some(({ cause }) => cause === 'nothing_heard')
      ? units.filter(({ cause }) => cause !== 'unit_silent')
      : units),
  ]
  if (findings.some(({ severity }) => severity === 'problem')) return findings
  return [
    { cause: 'healthy', severity: 'fine', ...DOCTOR.healthy(line.units.length, total(line, 'asked')) },
    ...findings,
  ]
}

function judgeWhole(line: LineObservation): Finding[] {
  const findings: Finding[] = []
  if (line.unaskedFrames > 0) findings.push(problem('other_master', DOCTOR.otherMaster(line.unaskedFrames)))
  else if (line.unaskedBytes > 2) findings.push(problem('noise', DOCTOR.unaskedBytes(line.unaskedBytes)))
  const [asked, echoes] = [total(line, 'asked'), total(line, 'echoes')]
  const isEcho = share(echoes, asked) > USUAL
  if (isEcho) findings.push({ cause: 'echo', severity: 'note', ...DOCTOR.echo(echoes, asked) })
  if (line.units.length > 0 && line.units.every(isMute))
    findings.push(
      problem('nothing_heard', line.isSocket ? DOCTOR.nothingThroughServer : DOCTOR.nothingHeard(line.settings)),
    )
  const noisy = line.units.filter(
    (unit) => share(unit.broken, unit.asked) > 0.03 && !isClash(unit, line) && !isForeign(unit, line),
  )
  const broken = noisy.reduce((sum, unit) => sum + unit.broken, 0)
  // A late answer runs into the next question, and spoils no more than that one.
  if (noisy.length > 0 && broken > total(line, 'late'))
    findings.push(
      problem(
        'noise',
        DOCTOR.noise(
          broken,
          total(line, 'asked'),
          noisy.map(({ name }) => name),
        ),
      ),
    )
  // Of an echo that comes in pieces not every piece is recognised.
  const strewn = isEcho ? [] : line.units.filter((unit) => isStrewn(unit) && !isClash(unit, line))
  if (strewn.length > 0 && !findings.some(({ cause }) => cause === 'noise'))
    findings.push({ cause: 'noise', severity: 'note', ...strayBytes(strewn) })
  return findings
}

/** What a late answer leaves behind is explained by its lateness. */
const isStrewn = (unit: UnitObservation): boolean => share(unit.strays, unit.asked) > USUAL && unit.late === 0

function strayBytes(units: readonly UnitObservation[]): Pick<Finding, 'what' | 'remedy'> {
  return DOCTOR.strayBytes(
    total({ units }, 'strays'),
    total({ units }, 'asked'),
    units.map(({ name }) => name),
  )
}

/** The settings at which everybody was heard who is asked at the line's own, where nobody answers: one cause, not one per meter. */
function wholeLineAt({ settings, units }: LineObservation): LineSettings | undefined {
  const concerned = units.filter((unit) => sameSettings(unit.settings, settings))
  const heard = concerned.flatMap(({ answersAt }) => answersAt ?? [])
  const [first] = heard
  if (!first || !heard.every((each) => sameSettings(each, first))) return undefined
  return concerned.every((unit) => unit.answersAt !== undefined || isMute(unit)) ? first : undefined
}

function atOtherSettings(ours: LineSettings, theirs: LineSettings): Finding {
  return problem(ours.baud === theirs.baud ? 'wrong_format' : 'wrong_baud', DOCTOR.wrongLineSettings(ours, theirs))
}

/** Silent at the configured settings, and at all others that were tried. */
const isMute = (unit: UnitObservation): boolean =>
  unit.silent === unit.asked && unit.heard === 0 && unit.answersAt === undefined

function judgeUnit(unit: UnitObservation, line: LineObservation, elsewhere: LineSettings | undefined): Finding[] {
  const about = (cause: Finding['cause'], text: Pick<Finding, 'what' | 'remedy'>): Finding => ({
    ...problem(cause, text),
    unit: unit.name,
  })
  if (elsewhere && sameSettings(unit.settings, line.settings))
    return unit.answersAt ? [] : [about('unit_silent', DOCTOR.silentElsewhere(unit.name, unit.settings, elsewhere))]
  if (unit.answersAt) {
    const isBaud = unit.answersAt.baud !== unit.settings.baud
    return [
      about(isBaud ? 'wrong_baud' : 'wrong_format', DOCTOR.wrongSettings(unit.name, unit.settings, unit.answersAt)),
    ]
  }
  if (isForeign(unit, line)) return [about('wrong_unit', DOCTOR.otherUnit(unit.name, unit.foreigners.map(bareId)))]
  if (isClash(unit, line)) {
    const areOthersFine = line.units.some((other) => other !== unit && share(other.good, other.asked) >= 0.5)
    const times = Math.max(unit.broken, unit.crowded)
    return [about('address_clash', DOCTOR.clash(unit.name, times, unit.asked, areOthersFine))]
  }
  const findings: Finding[] = []
  if (unit.late > 0) findings.push(about('late_answers', DOCTOR.late(unit.name, unit.late, unit.asked, unit.timeoutMs)))
  if (isMute(unit)) findings.push(about('unit_silent', DOCTOR.silent(unit.name)))
  else if (isUnsteady(unit)) findings.push(about('unsteady', DOCTOR.unsteady(unit.name, unit.silent, unit.asked)))
  if (unit.refused === unit.asked && unit.asked > 0) findings.push(about('refuses', DOCTOR.refuses(unit.name)))
  else if (unit.refused > 1)
    findings.push({
      ...about('refuses', DOCTOR.refusesSome(unit.name, unit.refused, unit.asked)),
      severity: 'note',
    })
  return findings
}

const isUnsteady = (unit: UnitObservation): boolean =>
  unit.late === 0 && unit.broken === 0 && unit.asked >= LEAST_ASKED && unit.silent >= 2

/** What answers has another unit id. Another master's meters would look the same, but they are heard unasked, too. */
const isForeign = (unit: UnitObservation, line: LineObservation): boolean =>
  line.unaskedFrames === 0 && unit.asked >= LEAST_ASKED && unit.heard === 0 && share(unit.foreign, unit.asked) >= 0.5

/** `5` of `modbus:5`. */
const bareId = (key: string): string => key.slice(key.indexOf(':') + 1)

/**
 * Two units on one address: more than one answer comes back to one question, again and again. Where the two overlap wholly, hardly
 * any answer comes through however short, while other units on the same wire are understood (or there is no other, and the wire is
 * quiet by itself); but what comes has the shape of an answer, as garbage has not. Noise adds no bytes, spares short answers and strikes everybody.
 */
function isClash(unit: UnitObservation, line: LineObservation): boolean {
  if (unit.asked < LEAST_ASKED) return false
  if (share(unit.crowded, unit.asked) >= 0.25) return true
  if (share(unit.broken, unit.asked) < 0.8 || share(unit.shortBroken, unit.shortAsked) < 0.8) return false
  if (line.unaskedBytes > 2 || unit.shaped < 0.5) return false
  // Whole answers that are refused all the same were in nobody's way.
  if (share(unit.heard, unit.asked) >= 0.5) return false
  return line.units.every(
    (other) => other === unit || other.silent === other.asked || share(other.broken, other.asked) < 0.2,
  )
}

const problem = (cause: Finding['cause'], text: Pick<Finding, 'what' | 'remedy'>): Finding => ({
  cause,
  severity: 'problem',
  ...text,
})
const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)
const total = ({ units }: Pick<LineObservation, 'units'>, field: 'asked' | 'echoes' | 'late' | 'strays'): number =>
  units.reduce((sum, unit) => sum + unit[field], 0)
