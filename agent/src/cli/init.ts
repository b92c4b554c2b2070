import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { MeterProfile } from '@metergate/protocol'
import { findProfile, loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { Command } from 'commander'
import { issueText } from '../config/issue.js'
import { checkSource } from '../config/load.js'
import { CLI } from '../i18n/cli-texts.js'
import { INIT } from '../i18n/init-texts.js'
import { type CliContext, CommandEnd } from './context.js'
import { splitMeters } from './init-checks.js'
import { configText, energyMeters, type InitAnswers, type InitMeter, type InitProduct } from './init-file.js'
import { askAnswers } from './init-questions.js'

export interface InitOptions {
  readonly yes?: boolean
  readonly force?: boolean
  readonly plant?: string
  readonly port?: string
  readonly baud?: string
  readonly format?: string
  readonly meter: readonly string[]
  readonly product: readonly string[]
  readonly cloud?: string
}

/** `metergate init`: questions (or options) become a commented configuration that passes the check. */
export function initCommand(cli: CliContext): Command {
  const { terminal } = cli
  const collect = (value: string, so: readonly string[]): string[] => [...so, value]
  return new Command('init')
    .description(terminal.say(CLI.cmdInit))
    .option('-y, --yes', terminal.say(CLI.optYes))
    .option('--force', terminal.say(CLI.optForce))
    .option('--plant <name>', terminal.say(CLI.optPlant))
    .option('--port <port>', terminal.say(CLI.optPort))
    .option('--baud <baud>', terminal.say(CLI.optBaud))
    .option('--format <format>', terminal.say(CLI.optFormat))
    .option('--meter <meter>', terminal.say(CLI.optMeter), collect, [])
    .option('--product <product>', terminal.say(CLI.optProduct), collect, [])
    .option('--cloud <url>', terminal.say(CLI.optCloud))
    .action(async (options: InitOptions) => {
      const file = cli.configFile()
      await mayWrite(cli, file, options)
      const profiles = loadBuiltinProfiles()
      const given = givenAnswers(cli, options, profiles)
      if (!options.yes && !cli.io.ask) return cli.fail(CLI.needsTerminal, 2)
      const answers =
        options.yes || !cli.io.ask
          ? withEnergy(cli, given, profiles)
          : await askAnswers(cli, cli.io.ask, given, profiles)
      writeChecked(cli, file, answers)
    })
}

/** Never overwrites without being told to. */
async function mayWrite(cli: CliContext, file: string, options: InitOptions): Promise<void> {
  if (options.force || !existsSync(file)) return
  if (options.yes || !cli.io.ask) return cli.fail(CLI.fileExists(file))
  const answer = await cli.io.ask(`${cli.terminal.say(INIT.askOverwrite(file))} `)
  if (!/^(y|yes|是)$/i.test(answer.trim())) cli.fail(CLI.fileExists(file))
}

function givenAnswers(cli: CliContext, options: InitOptions, profiles: readonly MeterProfile[]): InitAnswers {
  const meters = options.meter.map((text) => meterFlag(text, profiles) ?? cli.fail(CLI.badMeterFlag(text), 2))
  return {
    plant: options.plant ?? 'metergate',
    port: options.port ?? '/dev/ttyUSB0',
    baud: options.baud ?? String(defaultSerial(meters, profiles)?.baud ?? 9600),
    format: options.format ?? defaultSerial(meters, profiles)?.format ?? '8N1',
    meters: meters.length > 0 || !options.yes ? meters : [{ id: 'meter-1', profile: 'eastron-sdm630', unit: '1' }],
    products: options.product.map((text) => productFlag(text) ?? cli.fail(CLI.badProductFlag(text), 2)),
    cloud: options.cloud,
  }
}

/** With one meter it is clear whose energy makes a product; with more, guessing could count a main meter twice. */
function withEnergy(cli: CliContext, given: InitAnswers, profiles: readonly MeterProfile[]): InitAnswers {
  const products = given.products.map((product) => {
    const meters = energyMeters(product, given.meters, profiles)
    if (product.meters === undefined && meters.length > 1) return cli.fail(INIT.energyUnclear(product.id, meters), 2)
    return { meters, ...product }
  })
  return { ...given, products }
}

const defaultSerial = (meters: readonly InitMeter[], profiles: readonly MeterProfile[]) =>
  meters[0] && findProfile(meters[0].profile, profiles)?.serial

/** `id:model:unit[:ct]`; the third part is the 12-digit address for a DL/T 645 model. */
export function meterFlag(text: string, profiles: readonly MeterProfile[]): InitMeter | undefined {
  const [id, profile, unit, ct, ...more] = text.split(':')
  if (!id || !profile || !unit || more.length > 0 || ct === '') return undefined
  const dlt645 = findProfile(profile, profiles)?.protocol === 'dlt645'
  return { id, profile, ...(dlt645 ? { address: unit } : { unit }), ...(ct === undefined ? {} : { ct }) }
}

/** `id:counter-meter:unit[:pieces][:meter+meter]`. */
export function productFlag(text: string): InitProduct | undefined {
  const [id, counter, unit, ...rest] = text.split(':')
  const pieces = /^[\d.]+$/.test(rest[0] ?? '') ? rest.shift() : undefined
  const [meters, ...more] = rest
  if (!id || !counter || !unit || more.length > 0 || meters === '') return undefined
  return {
    id,
    counter,
    unit,
    ...(pieces === undefined ? {} : { pieces }),
    ...(meters === undefined ? {} : { meters: splitMeters(meters) }),
  }
}

function writeChecked(cli: CliContext, file: string, answers: InitAnswers): void {
  const text = configText(answers, cli.language)
  const checked = checkSource(text, { file })
  if (!checked.ok) {
    for (const issue of checked.fault) cli.terminal.error(issueText(issue, cli.language))
    cli.terminal.error(INIT.notWritten)
    throw new CommandEnd(2)
  }
  try {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  } catch (error) {
    cli.fail(INIT.notWritable(file, codeOf(error)))
  }
  for (const warning of checked.value.warnings) cli.terminal.warn(issueText(warning, cli.language))
  cli.terminal.line(answers.cloud === undefined ? INIT.written(file) : INIT.writtenWithCloud(file))
}

/** `EACCES` says it; the rest of Node's message repeats the path. */
const codeOf = (error: unknown): string =>
  error instanceof Error ? ('code' in error ? String(error.code) : error.message) : String(error)
