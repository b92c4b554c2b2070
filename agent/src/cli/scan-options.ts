import { baudSchema, type SerialFormat, serialFormatSchema } from '@metergate/protocol'
import { SCAN } from '../i18n/scan-texts.js'
import type { ScanOptions } from '../meter/scan.js'
import type { CliContext } from './context.js'

export interface ScanFlags {
  readonly port: readonly string[]
  readonly baud?: string
  readonly format?: string
  readonly units?: string
  readonly protocol?: string
  readonly quick?: boolean
  readonly full?: boolean
  readonly expect?: string
  readonly json?: boolean
  readonly write?: string
}

/** The options as written, checked; ends the command with 2 and an example where one will not do. */
export function scanOptions(cli: CliContext, flags: ScanFlags): ScanOptions {
  if (flags.quick && flags.full) cli.fail(SCAN.quickOrFull, 2)
  const depth = flags.quick ? 'quick' : flags.full ? 'full' : 'normal'
  const expect = flags.expect === undefined ? undefined : numbers(cli, '--expect', flags.expect, '3', 1, 247)[0]
  return {
    depth,
    ...(flags.baud === undefined ? {} : { bauds: bauds(cli, flags.baud) }),
    ...(flags.format === undefined ? {} : { formats: formats(cli, flags.format) }),
    ...(flags.units === undefined ? {} : { units: numbers(cli, '--units', flags.units, '1-32', 1, 248) }),
    ...(flags.protocol === undefined ? {} : { protocols: [protocolOf(cli, flags.protocol)] }),
    ...(expect === undefined ? {} : { stopAfter: expect }),
  }
}

/** `1-32,40` as numbers within limits. */
function numbers(
  cli: CliContext,
  option: string,
  text: string,
  example: string,
  least: number,
  most: number,
): number[] {
  const list = text.split(',').flatMap((part) => {
    const match = /^\s*(\d{1,7})(?:\s*-\s*(\d{1,7}))?\s*$/.exec(part)
    const [from, to] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])]
    const isGood = match !== null && from >= least && to <= most && from <= to && to - from <= 255
    return isGood
      ? Array.from({ length: to - from + 1 }, (_, i) => from + i)
      : cli.fail(SCAN.badList(option, text, example), 2)
  })
  return [...new Set(list)]
}

/** Only those a configuration may hold: what is found is written down as one. */
function bauds(cli: CliContext, text: string): number[] {
  const list = numbers(cli, '--baud', text, '9600,2400', 300, 1_000_000)
  return list.every((baud) => baudSchema.safeParse(baud).success) ? list : cli.fail(SCAN.badBaud(text), 2)
}

function formats(cli: CliContext, text: string): SerialFormat[] {
  return text.split(',').map((part) => {
    const parsed = serialFormatSchema.safeParse(part.trim().toUpperCase())
    return parsed.success ? parsed.data : cli.fail(SCAN.badList('--format', text, '8N1,8E1'), 2)
  })
}

function protocolOf(cli: CliContext, text: string): 'modbus' | 'dlt645' {
  if (text === 'modbus' || text === 'dlt645') return text
  return cli.fail(SCAN.badList('--protocol', text, 'modbus'), 2)
}
