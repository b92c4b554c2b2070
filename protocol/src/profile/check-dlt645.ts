import { quantity, type Unit } from '../quantity/quantity.js'
import { at, checkModulus, checkScale, type ProfileProblem, problem } from './problem.js'
import { PROBLEMS, REMEDIES } from './problem-texts.js'
import type { Dlt645Profile } from './schema.js'

/** Unit and width of the well-known identifier families (DL/T 645-2007 table A), DI3 DI2 first. */
const DLT645_FAMILIES: readonly { readonly match: RegExp; readonly unit: Unit; readonly bytes: number }[] = [
  { match: /^00(00|01|02|15|16|29|2a|3d|3e)/, unit: 'kWh', bytes: 4 },
  { match: /^000[3-8]/, unit: 'kvarh', bytes: 4 },
  { match: /^000[9a]/, unit: 'kVAh', bytes: 4 },
  { match: /^0201/, unit: 'V', bytes: 2 },
  { match: /^0202/, unit: 'A', bytes: 3 },
  { match: /^0203/, unit: 'W', bytes: 3 },
  { match: /^0204/, unit: 'var', bytes: 3 },
  { match: /^0205/, unit: 'VA', bytes: 3 },
  { match: /^0206/, unit: '1', bytes: 2 },
]

/** Identifiers: unit and width of their family, overlaps inside a block. */
export function checkDlt645(profile: Dlt645Profile): ProfileProblem[] {
  const taken = new Map<string, number>()
  return profile.items.flatMap((item, i) => {
    const problems = [...checkScale(item, i, false), ...checkModulus(item, i, 10n ** BigInt(2 * item.bytes))]
    for (let byte = item.offset; byte < item.offset + item.bytes; byte++) {
      const key = `${item.di}+${byte}`
      const other = taken.get(key)
      if (other !== undefined) {
        problems.push(
          problem(at(i, 'offset'), item.offset, PROBLEMS.overlapsIn(at(other), item.di), REMEDIES.bothOffsets),
        )
        break
      }
      taken.set(key, i)
    }
    if (profile.edition === '1997' && !/^0000/.test(item.di))
      problems.push(problem(at(i, 'di'), item.di, PROBLEMS.diOf1997, REMEDIES.eightDigits))
    const family = profile.edition === '2007' ? DLT645_FAMILIES.find(({ match }) => match.test(item.di)) : undefined
    const { unit } = quantity(item.quantity)
    if (family && family.unit !== unit)
      problems.push(
        problem(at(i, 'quantity'), item.quantity, PROBLEMS.unitOfDi(item.di, family.unit, unit), REMEDIES.identifier),
      )
    if (family && family.bytes !== item.bytes)
      problems.push(problem(at(i, 'bytes'), item.bytes, PROBLEMS.widthOfDi(item.di, family.bytes), REMEDIES.identifier))
    return problems
  })
}
