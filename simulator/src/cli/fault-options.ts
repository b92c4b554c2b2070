import { ANSWER_FAULTS, type LineFaults, lineFaultsSchema, type UnitFaults, unitFaultsSchema } from '../fault/faults.js'
import { UsageError } from './options.js'

/** Faults of one unit, in force from the start. */
export interface UnitFaultOption {
  readonly unit: string
  readonly set: UnitFaults
}

type Setting = readonly [name: string, value: number | boolean]

/** `crc=0.1,late_ms=800` or `dead` as settings. */
function settings(option: string, text: string): Setting[] {
  return text.split(',').map((each): Setting => {
    const [name = '', value] = each.split('=')
    if (value === undefined) return [name, true]
    if (value === '' || Number.isNaN(Number(value)))
      throw new UsageError(`${option}: ${each}: "${value}" is no number; give e.g. ${name}=0.1`)
    return [name, Number(value)]
  })
}

/** `--fault 3:crc=0.1,late=0.05,late_ms=800`, again for each further unit; a unit is a Modbus unit or a DL/T 645 address. */
export function unitFault(text: string, before: readonly UnitFaultOption[] = []): UnitFaultOption[] {
  const [, unit, rest] = /^(\d+):(.+)$/.exec(text) ?? []
  if (unit === undefined || rest === undefined)
    throw new UsageError(`--fault is "${text}"; give unit:what=value, e.g. 3:crc=0.1 or 3:dead`)
  const parsed = unitFaultsSchema.safeParse(Object.fromEntries(settings('--fault', rest)))
  if (parsed.success) return [...before, { unit, set: parsed.data }]
  throw new UsageError(complaint('--fault', text, parsed.error.issues, Object.keys(unitFaultsSchema.shape)))
}

/** `--line-fault noise=0.001,echo=1`. */
export function lineFault(text: string): LineFaults {
  const parsed = lineFaultsSchema.safeParse(Object.fromEntries(settings('--line-fault', text)))
  if (parsed.success) return parsed.data
  throw new UsageError(complaint('--line-fault', text, parsed.error.issues, Object.keys(lineFaultsSchema.shape)))
}

interface Issue {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

function complaint(option: string, text: string, issues: readonly Issue[], known: readonly string[]): string {
  const [issue] = issues
  const where = issue && issue.path.length > 0 ? `${issue.path.map(String).join('.')}: ` : ''
  return `${option}: ${text}: ${where}${issue?.message ?? 'wrong'}; known are ${known.join(', ')}`
}

/** Shown under `line --help`: all that can go wrong, and how it is said. Made from the schemas, so that it names them all. */
export function faultHelp(): string {
  const unit = Object.keys(unitFaultsSchema.shape).join(', ')
  const line = Object.keys(lineFaultsSchema.shape).join(', ')
  return `
Faults of a unit (--fault, or the command "faults"): ${unit}
  A probability per answer, from 0 to 1; late_ms, slow_ms and clash_ms in milliseconds; block_limit in registers; dead: yes or no.
Faults of the wire (--line-fault, or the command "line-faults"): ${line}
  echo and partial_echo per request, noise per byte.
Commands on standard input, one JSON object a line:
  {"cmd":"faults","unit":"3","set":{"late":0.1,"late_ms":800}}   replaces a unit's faults; {} heals it
  {"cmd":"line-faults","set":{"noise":0.001}}                    replaces those of the wire
  {"cmd":"once","unit":"3","fault":"crc","count":5}              exactly the next answers; any of: ${ANSWER_FAULTS.join(', ')}
  {"cmd":"heal"}  {"cmd":"unplug"}  {"cmd":"replug"}             a plug comes back as another device; --link follows it
  {"cmd":"truth"}  {"cmd":"stats"}                               what is true now; what was asked, answered and provoked
Two meters of a plant file with the same unit answer at once, too: an address clash with two truths.`
}
