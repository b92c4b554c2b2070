import type { LineSettings } from '../bus/line-port.js'
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
  readonly echoes: number
  /** Whole answers of this unit, to whichever question. */
  readonly heard: number
  /** Questions that clearly more came back to than one answer. */
  readonly crowded: number
  readonly turnaroundMs: number | undefined
  readonly timeoutMs: number
  /** Where it answers, when it is silent at the configured settings. */
  readonly answersAt?: LineSettings
}

export interface LineObservation {
  readonly settings: LineSettings
  /** Why the line cannot be opened. */
  readonly down?: string
  /** Heard while nobody was asked: bytes, and whole frames among them. */
  readonly unaskedBytes: number
  readonly unaskedFrames: number
  readonly units: readonly UnitObservation[]
}

/** Of so few answers no share is taken. */
const LEAST_ASKED = 4

/**
 * Names what disturbs the line from what was heard on it. Pure. A cause that explains another keeps it out: two meters on one
 * address also look like noise, and the wrong speed also like silence.
 */
export function judgeLine(line: LineObservation): Finding[] {
  if (line.down !== undefined) return [problem('line_down', DOCTOR.lineDown(line.down))]
  const units = line.units.flatMap((unit) => judgeUnit(unit, line))
  const whole = judgeWhole(line)
  const findings = [
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
  if (asked > 0 && echoes / asked > 0.3)
    findings.push({ cause: 'echo', severity: 'note', ...DOCTOR.echo(echoes, asked) })
  if (line.units.length > 0 && line.units.every(isMute))
    findings.push(problem('nothing_heard', DOCTOR.nothingHeard(line.settings)))
  const noisy = line.units.filter((unit) => share(unit.broken, unit.asked) > 0.03 && !isClash(unit, line))
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
  return findings
}

/** Silent at the configured settings, and at all others that were tried. */
const isMute = (unit: UnitObservation): boolean =>
  unit.silent === unit.asked && unit.heard === 0 && unit.answersAt === undefined

function judgeUnit(unit: UnitObservation, line: LineObservation): Finding[] {
  const about = (cause: Finding['cause'], text: Pick<Finding, 'what' | 'remedy'>): Finding => ({
    ...problem(cause, text),
    unit: unit.name,
  })
  if (unit.answersAt) {
    const isBaud = unit.answersAt.baud !== unit.settings.baud
    return [
      about(isBaud ? 'wrong_baud' : 'wrong_format', DOCTOR.wrongSettings(unit.name, unit.settings, unit.answersAt)),
    ]
  }
  if (isClash(unit, line))
    return [about('address_clash', DOCTOR.clash(unit.name, Math.max(unit.broken, unit.crowded), unit.asked))]
  const findings: Finding[] = []
  if (unit.late > 0) findings.push(about('late_answers', DOCTOR.late(unit.name, unit.late, unit.asked, unit.timeoutMs)))
  if (isMute(unit)) findings.push(about('unit_silent', DOCTOR.silent(unit.name)))
  else if (isUnsteady(unit)) findings.push(about('unsteady', DOCTOR.unsteady(unit.name, unit.silent, unit.asked)))
  if (unit.refused === unit.asked && unit.asked > 0) findings.push(about('refuses', DOCTOR.refuses(unit.name)))
  return findings
}

const isUnsteady = (unit: UnitObservation): boolean =>
  unit.late === 0 && unit.broken === 0 && unit.asked >= LEAST_ASKED && unit.silent >= 2

/**
 * Two units on one address: more than one answer comes back to one question, again and again. Where the two overlap wholly, hardly
 * any answer comes through however short, while other units on the same wire are understood (or there is no other, and the wire is
 * quiet by itself). Noise adds no bytes, spares short answers and strikes everybody.
 */
function isClash(unit: UnitObservation, line: LineObservation): boolean {
  if (unit.asked < LEAST_ASKED) return false
  if (share(unit.crowded, unit.asked) >= 0.25) return true
  if (share(unit.broken, unit.asked) < 0.8 || share(unit.shortBroken, unit.shortAsked) < 0.8) return false
  if (line.unaskedBytes > 2) return false
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
const total = (line: LineObservation, field: 'asked' | 'echoes' | 'late'): number =>
  line.units.reduce((sum, unit) => sum + unit[field], 0)
