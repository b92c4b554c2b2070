import { integerRange, registersOf } from '../modbus/words.js'
import { at, checkModulus, checkScale, type ProfileProblem, problem } from './problem.js'
import type { ModbusItem, ModbusProfile } from './schema.js'

/** Registers: sizes, alignment, overlaps, forbidden ranges. */
export function checkModbus(profile: ModbusProfile): ProfileProblem[] {
  return [
    ...profile.items.flatMap((item, i) => checkModbusItem(item, i, profile)),
    ...checkOverlaps(profile),
    ...checkForbidden(profile),
  ]
}

function checkModbusItem(item: ModbusItem, i: number, profile: ModbusProfile): ProfileProblem[] {
  const problems: ProfileProblem[] = []
  const size = registersOf(item.type)
  const isFloat = item.type === 'f32' || item.type === 'f64'
  const readsBits = (item.function ?? profile.read_function) <= 2
  if (item.address + size > 0x10000)
    problems.push(problem(at(i, 'address'), item.address, 'runs over address 65535', 'check address and type'))
  if (size > profile.max_registers)
    problems.push(
      problem(
        at(i, 'type'),
        item.type,
        `takes ${size} registers, one request may ask for ${profile.max_registers}`,
        'raise max_registers or change the type',
      ),
    )
  if (profile.alignment === 'even' && !readsBits && (item.address % 2 !== 0 || size % 2 !== 0))
    problems.push(
      problem(
        at(i, 'address'),
        item.address,
        `alignment is even, but this reads ${size} from an odd place or an odd count`,
        'check the address, or set alignment: none',
      ),
    )
  if ((item.type === 'bit') !== readsBits)
    problems.push(
      problem(
        at(i, 'type'),
        item.type,
        'bits come by functions 1 and 2, registers by 3 and 4',
        'set function or type to match',
      ),
    )
  if ((isFloat || item.scale_factor_address !== undefined) && item.exponent === undefined)
    problems.push(
      problem(
        at(i, 'exponent'),
        'missing',
        'floats and scaled integers have no digits of their own',
        'add exponent, e.g. -1 for tenths',
      ),
    )
  if (
    item.scale_factor_address !== undefined &&
    Math.abs(item.scale_factor_address - item.address) >= profile.max_registers
  )
    problems.push(
      problem(
        at(i, 'scale_factor_address'),
        item.scale_factor_address,
        'too far away to be read in one request',
        'check the address',
      ),
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
    .map((mark) =>
      problem(
        at(i, 'not_available'),
        mark,
        `a ${item.type} has ${4 * size} hex digits`,
        'write the whole value, high word first',
      ),
    )
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
      problem(
        at(span.i, 'address'),
        span.from,
        `overlaps ${at(before.i)}, which ends at ${before.to - 1}`,
        'check address and type of both',
      ),
    ]
  })
}

function checkForbidden(profile: ModbusProfile): ProfileProblem[] {
  const problems: ProfileProblem[] = []
  profile.forbidden.forEach((range, k) => {
    if (range.from > range.to)
      problems.push(
        problem(`forbidden[${k}]`, `${range.from}..${range.to}`, 'ends before it starts', 'swap from and to'),
      )
    profile.items.forEach((item, i) => {
      if (item.address <= range.to && item.address + registersOf(item.type) > range.from)
        problems.push(
          problem(
            at(i, 'address'),
            item.address,
            `lies in forbidden[${k}] (${range.why})`,
            'move the item or narrow the range',
          ),
        )
    })
  })
  return problems
}
