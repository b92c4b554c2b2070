import { quantity, type Unit } from '../quantity/quantity.js'
import { checkDlt645 } from './check-dlt645.js'
import { checkModbus } from './check-modbus.js'
import { at, type Item, type ProfileProblem, problem } from './problem.js'
import { PROBLEMS, REMEDIES } from './problem-texts.js'
import type { MeterProfile } from './schema.js'

export type { ProfileProblem } from './problem.js'

/** Cross-checks what the schema alone cannot see. An empty list means the profile can be used. */
export function checkProfile(profile: MeterProfile): ProfileProblem[] {
  return [
    ...checkDuplicates(profile),
    ...checkRatios(profile),
    ...checkTurnaround(profile),
    ...(profile.protocol === 'modbus' ? checkModbus(profile) : checkDlt645(profile)),
  ]
}

function checkDuplicates(profile: MeterProfile): ProfileProblem[] {
  const seen = new Map<string, number>()
  const problems: ProfileProblem[] = []
  profile.items.forEach((item: Item, i: number) => {
    const first = seen.get(item.quantity)
    if (first === undefined) seen.set(item.quantity, i)
    else problems.push(problem(at(i, 'quantity'), item.quantity, PROBLEMS.readTwice(at(first)), REMEDIES.keepOne))
  })
  return problems
}

/** Which ratio may multiply a unit: volts stand behind the PT, amperes behind the CT, power and energy behind both. */
const RATIOS_OF: Readonly<Record<Unit, readonly string[]>> = {
  V: ['none', 'pt'],
  A: ['none', 'ct'],
  Ah: ['none', 'ct'],
  W: ['none', 'ct', 'ct_pt'],
  var: ['none', 'ct', 'ct_pt'],
  VA: ['none', 'ct', 'ct_pt'],
  kWh: ['none', 'ct', 'ct_pt'],
  kvarh: ['none', 'ct', 'ct_pt'],
  kVAh: ['none', 'ct', 'ct_pt'],
  Hz: ['none'],
  '1': ['none'],
  '%': ['none'],
  '°': ['none'],
  pulse: ['none'],
}

function checkRatios(profile: MeterProfile): ProfileProblem[] {
  const problems: ProfileProblem[] = []
  const items: readonly Item[] = profile.items
  items.forEach((item, i) => {
    const { unit } = quantity(item.quantity)
    if (item.ratio !== 'none' && profile.values_are === 'primary')
      problems.push(problem(at(i, 'ratio'), item.ratio, PROBLEMS.primaryHasRatio, REMEDIES.removeRatio))
    if (!RATIOS_OF[unit].includes(item.ratio))
      problems.push(
        problem(at(i, 'ratio'), item.ratio, PROBLEMS.wrongRatio(item.quantity, unit), REMEDIES.oneOf(RATIOS_OF[unit])),
      )
  })
  if (profile.values_are === 'secondary' && items.every((item) => item.ratio === 'none'))
    problems.push(problem('values_are', 'secondary', PROBLEMS.noRatio, REMEDIES.addRatio))
  return problems
}

function checkTurnaround({ turnaround_ms: { typical, max } }: MeterProfile): ProfileProblem[] {
  return typical > max
    ? [problem('turnaround_ms.typical', typical, PROBLEMS.slowerThanMax(max), REMEDIES.swapTimes)]
    : []
}
