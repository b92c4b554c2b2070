import type { MeterProfile } from '@metergate/protocol'
import { findProfile } from '@metergate/protocol/profiles'
import { CLI } from '../i18n/cli-texts.js'
import type { Localized } from '../i18n/localized.js'
import type { CliContext } from './context.js'
import type { InitAnswers, InitMeter, InitProduct } from './init-file.js'
import { profileTable } from './profiles.js'

type Ask = (question: string) => Promise<string>

/** Asks for what is not given yet; Enter takes the answer in brackets. */
export async function askAnswers(
  cli: CliContext,
  ask: Ask,
  given: InitAnswers,
  profiles: readonly MeterProfile[],
): Promise<InitAnswers> {
  const question = async (text: Localized, byDefault: string): Promise<string> => {
    const shown = byDefault === '' ? '' : ` [${byDefault}]`
    const answer = (await ask(`${cli.terminal.say(text)}${shown}: `)).trim()
    return answer === '' ? byDefault : answer
  }
  const plant = await question(CLI.askPlant, given.plant)
  const port = await question(CLI.askPort, given.port)
  const meters = [...given.meters]
  for (;;) {
    const id = await question(CLI.askMeterId, meters.length === 0 ? 'meter-1' : '')
    if (id === '') break
    meters.push(await askMeter(cli, question, id, meters.length + 1, profiles))
  }
  const serial = meters[0] && findProfile(meters[0].profile, profiles)?.serial
  const baud = await question(CLI.askBaud, String(serial?.baud ?? given.baud))
  const format = await question(CLI.askFormat, serial?.format ?? given.format)
  const products = [...given.products, ...(await askProducts(question, meters, profiles))]
  const cloud = await question(CLI.askCloud, given.cloud ?? '')
  return { plant, port, baud, format, meters, products, cloud: cloud === '' ? undefined : cloud }
}

type Question = (text: Localized, byDefault: string) => Promise<string>

async function askMeter(
  cli: CliContext,
  question: Question,
  id: string,
  number: number,
  profiles: readonly MeterProfile[],
): Promise<InitMeter> {
  const profile = await askProfile(cli, question, profiles)
  const place =
    profile.protocol === 'dlt645'
      ? { address: await question(CLI.askAddress, '') }
      : { unit: await question(CLI.askUnit, String(profile.serial.unit ?? number)) }
  if (profile.values_are === 'primary') return { id, profile: profile.id, ...place }
  return { id, profile: profile.id, ...place, ct: await question(CLI.askCt, '1') }
}

/** Asks until the answer is a known model; `?` lists them all. */
async function askProfile(
  cli: CliContext,
  question: Question,
  profiles: readonly MeterProfile[],
): Promise<MeterProfile> {
  for (;;) {
    const name = await question(CLI.askProfile, 'eastron-sdm630')
    const profile = findProfile(name, profiles)
    if (profile) return profile
    cli.terminal.print(profileTable(cli, profiles))
  }
}

async function askProducts(
  question: Question,
  meters: readonly InitMeter[],
  profiles: readonly MeterProfile[],
): Promise<InitProduct[]> {
  const counter = meters.find(({ profile }) => findProfile(profile, profiles)?.category === 'counter')
  if (!counter) return []
  const id = await question(CLI.askProductId, '')
  if (id === '') return []
  const unit = await question(CLI.askProductUnit, 'pair')
  const meter = await question(CLI.askCounter, counter.id)
  return [{ id, unit, counter: meter, pieces: await question(CLI.askCavities, '1') }]
}
