import { quantity, type Unit } from '../quantity/quantity.js'
import { at, checkModulus, checkScale, type ProfileProblem, problem } from './problem.js'
import { PROBLEMS, REMEDIES } from './problem-texts.js'
import type { Dlt645Item, Dlt645Profile } from './schema.js'

interface Family {
  readonly match: RegExp
  readonly unit: Unit
  readonly bytes: number
  /** Most values a block of the family holds: a total and 63 tariffs, a total and three phases. */
  readonly most: number
}

/** Unit and width of the well-known identifier families (DL/T 645-2007 table A), DI3 DI2 first. */
const DLT645_FAMILIES: readonly Family[] = [
  { match: /^00(00|01|02|15|16|29|2a|3d|3e)/, unit: 'kWh', bytes: 4, most: 64 },
  { match: /^000[3-8]/, unit: 'kvarh', bytes: 4, most: 64 },
  { match: /^000[9a]/, unit: 'kVAh', bytes: 4, most: 64 },
  { match: /^0201/, unit: 'V', bytes: 2, most: 3 },
  { match: /^0202/, unit: 'A', bytes: 3, most: 3 },
  { match: /^0203/, unit: 'W', bytes: 3, most: 4 },
  { match: /^0204/, unit: 'var', bytes: 3, most: 4 },
  { match: /^0205/, unit: 'VA', bytes: 3, most: 4 },
  { match: /^0206/, unit: '1', bytes: 2, most: 4 },
  { match: /^0207/, unit: '°', bytes: 2, most: 3 },
  { match: /^020c/, unit: 'V', bytes: 2, most: 3 },
  { match: /^02800001/, unit: 'A', bytes: 3, most: 1 },
  { match: /^02800002/, unit: 'Hz', bytes: 2, most: 1 },
  { match: /^0280000[34]/, unit: 'W', bytes: 3, most: 1 },
  { match: /^02800005/, unit: 'var', bytes: 3, most: 1 },
  { match: /^02800006/, unit: 'VA', bytes: 3, most: 1 },
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
    else if (family) problems.push(...checkOffset(item, i, family))
    return problems
  })
}

/** In a block one value follows another; from between two of them digits come that look like a value. */
function checkOffset({ di, offset }: Dlt645Item, i: number, { bytes, most }: Family): ProfileProblem[] {
  const isBlock = /^(..)*ff/.test(di)
  if (!isBlock && offset > 0) return [problem(at(i, 'offset'), offset, PROBLEMS.oneValue(di), REMEDIES.noOffset)]
  if (offset % bytes !== 0 || offset >= most * bytes)
    return [problem(at(i, 'offset'), offset, PROBLEMS.offsetOfDi(di, bytes, most), REMEDIES.offset)]
  return []
}
