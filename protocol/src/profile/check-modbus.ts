import { parseAmount } from '../amount.js'
import { integerRange, registersOf } from '../modbus/words.js'
import { at, checkModulus, checkScale, type ProfileProblem, problem } from './problem.js'
import { PROBLEMS, REMEDIES } from './problem-texts.js'
import type { ModbusItem, ModbusProfile } from './schema.js'

/** Registers: sizes, alignment, overlaps, forbidden ranges. */
export function checkModbus(profile: ModbusProfile): ProfileProblem[] {
  return [
    ...profile.items.flatMap((item, i) => checkModbusItem(item, i, profile)),
    ...checkOverlaps(profile),
    ...checkForbidden(profile),
    ...checkMost(profile),
    ...checkRatioRegisters(profile),
    ...profile.signature.flatMap((one, k) => checkSignature(one, k, profile)),
  ]
}

/** The schema allows the 2000 of bits; one answer holds 125 registers. */
function checkMost({ items, read_function, max_registers }: ModbusProfile): ProfileProblem[] {
  const readsRegisters = items.some((item) => (item.function ?? read_function) > 2)
  if (max_registers <= 125 || !readsRegisters) return []
  return [problem('max_registers', max_registers, PROBLEMS.moreThanAnAnswer, REMEDIES.most125)]
}

/** Every register of a value is on the map, and one answer holds them all. */
function checkFit(
  path: string,
  { address, type }: Pick<ModbusItem, 'address' | 'type'>,
  { max_registers }: ModbusProfile,
): ProfileProblem[] {
  const size = registersOf(type)
  const problems: ProfileProblem[] = []
  if (address + size > 0x10000)
    problems.push(problem(`${path}.address`, address, PROBLEMS.pastEnd, REMEDIES.addressAndType))
  if (size > max_registers)
    problems.push(problem(`${path}.type`, type, PROBLEMS.tooLarge(size, max_registers), REMEDIES.raiseOrChange))
  return problems
}

function checkModbusItem(item: ModbusItem, i: number, profile: ModbusProfile): ProfileProblem[] {
  const problems = checkFit(at(i), item, profile)
  const size = registersOf(item.type)
  const isFloat = item.type === 'f32' || item.type === 'f64'
  const readsBits = (item.function ?? profile.read_function) <= 2
  if (profile.alignment === 'even' && !readsBits && (item.address % 2 !== 0 || size % 2 !== 0))
    problems.push(problem(at(i, 'address'), item.address, PROBLEMS.odd(size), REMEDIES.addressOrAlignment))
  if ((item.type === 'bit') !== readsBits)
    problems.push(problem(at(i, 'type'), item.type, PROBLEMS.bitOrRegister, REMEDIES.functionOrType))
  if ((isFloat || item.scale_factor_address !== undefined) && item.exponent === undefined)
    problems.push(problem(at(i, 'exponent'), 'missing', PROBLEMS.noDigits, REMEDIES.addExponent))
  if (
    item.scale_factor_address !== undefined &&
    Math.abs(item.scale_factor_address - item.address) >= profile.max_registers
  )
    problems.push(
      problem(at(i, 'scale_factor_address'), item.scale_factor_address, PROBLEMS.factorTooFar, REMEDIES.address),
    )
  return [
    ...problems,
    ...checkScale(item, i, isFloat),
    ...checkMarks(item, i, size),
    ...checkModulus(item, i, modbusMost(item)),
  ]
}

function checkMarks(item: ModbusItem, i: number, size: number): ProfileProblem[] {
  return (item.not_available ?? [])
    .filter((mark) => mark.length !== 4 * size)
    .map((mark) => problem(at(i, 'not_available'), mark, PROBLEMS.markWidth(item.type, 4 * size), REMEDIES.wholeMark))
}

/** One more than the largest raw value; floats get there too, but never back to zero by themselves. */
function modbusMost(item: ModbusItem): bigint | undefined {
  return item.type === 'f32' || item.type === 'f64' ? undefined : integerRange(item.type)[1] + 1n
}

function checkOverlaps(profile: ModbusProfile): ProfileProblem[] {
  const spans = profile.items
    .map((item, i) => ({
      i,
      fn: item.function ?? profile.read_function,
      from: item.address,
      to: item.address + registersOf(item.type),
    }))
    .sort((a, b) => a.fn - b.fn || a.from - b.from)
  return spans.flatMap((span, k) => {
    const before = spans[k - 1]
    if (!before || before.fn !== span.fn || before.to <= span.from) return []
    return [
      problem(at(span.i, 'address'), span.from, PROBLEMS.overlaps(at(before.i), before.to - 1), REMEDIES.bothAddresses),
    ]
  })
}

function checkForbidden(profile: ModbusProfile): ProfileProblem[] {
  const problems: ProfileProblem[] = []
  profile.forbidden.forEach((range, k) => {
    if (range.from > range.to)
      problems.push(problem(`forbidden[${k}]`, `${range.from}..${range.to}`, PROBLEMS.endsFirst, REMEDIES.swap))
    profile.items.forEach((item, i) => {
      if (item.address <= range.to && item.address + registersOf(item.type) > range.from)
        problems.push(
          problem(
            at(i, 'address'),
            item.address,
            PROBLEMS.forbidden(`forbidden[${k}]`, range.why),
            REMEDIES.moveOrNarrow,
          ),
        )
    })
  })
  return problems
}

/** What a scan and the doctor read the meter's own ratios from. */
function checkRatioRegisters(profile: ModbusProfile): ProfileProblem[] {
  return (['ct', 'pt'] as const).flatMap((which) => {
    const item = profile.ratio_registers?.[which]
    if (!item) return []
    const path = `ratio_registers.${which}`
    const scale = parseAmount(item.scale)
    return [
      ...checkFit(path, item, profile),
      ...(item.type === 'bit' ? [problem(`${path}.type`, item.type, PROBLEMS.noRegister, REMEDIES.registerType)] : []),
      ...(!scale || scale.n === 0 ? [problem(`${path}.scale`, item.scale, PROBLEMS.scaleZero, REMEDIES.decimal)] : []),
    ]
  })
}

/** A signature that cannot be met would speak against the very meter it is to be known by. */
function checkSignature(
  { function: fn, address, count, expect }: ModbusProfile['signature'][number],
  k: number,
  { max_registers, forbidden }: ModbusProfile,
): ProfileProblem[] {
  const path = `signature[${k}]`
  const problems: ProfileProblem[] = []
  if (address + count > 0x10000) problems.push(problem(`${path}.address`, address, PROBLEMS.pastEnd, REMEDIES.address))
  if ('exception' in expect) return problems
  if (count > max_registers)
    problems.push(problem(`${path}.count`, count, PROBLEMS.tooLarge(count, max_registers), REMEDIES.lowerCount))
  forbidden.forEach(({ from, to, why }, n) => {
    if (address <= to && address + count > from)
      problems.push(
        problem(`${path}.address`, address, PROBLEMS.forbidden(`forbidden[${n}]`, why), REMEDIES.moveOrNarrow),
      )
  })
  if ('hex' in expect) {
    const digits = 2 * (fn <= 2 ? Math.ceil(count / 8) : 2 * count)
    expect.hex.forEach((hex, n) => {
      if (hex.length !== digits)
        problems.push(
          problem(`${path}.expect.hex[${n}]`, hex, PROBLEMS.bytesOfCount(count, digits), REMEDIES.hexOfCount),
        )
    })
    return problems
  }
  const size = registersOf(expect.type)
  if (size !== count)
    problems.push(problem(`${path}.count`, count, PROBLEMS.countOfType(expect.type, size), REMEDIES.count))
  if (expect.min > expect.max)
    problems.push(problem(`${path}.expect`, `${expect.min}..${expect.max}`, PROBLEMS.endsFirst, REMEDIES.swapLimits))
  return problems
}
