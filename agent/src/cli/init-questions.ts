import type { MeterProfile } from '@metergate/protocol'
import { findProfile } from '@metergate/protocol/profiles'
import { CLI } from '../i18n/cli-texts.js'
import { INIT } from '../i18n/init-texts.js'
import type { Localized } from '../i18n/localized.js'
import type { CliContext } from './context.js'
import {
  ANSWER_CHECKS,
  type AnswerCheck,
  addressCheck,
  cloudCheck,
  meterIdCheck,
  metersCheck,
  splitMeters,
  unitCheck,
} from './init-checks.js'
import { energyMeters, type InitAnswers, type InitMeter, type InitProduct } from './init-file.js'
import { profileTable, similarModels } from './profiles.js'

type Ask = (question: string) => Promise<string>
type Question = (text: Localized, byDefault: string, check: AnswerCheck) => Promise<string>

/** Asks for what is not given yet; Enter takes the answer in brackets, a wrong answer is asked for again at once. */
export async function askAnswers(
  cli: CliContext,
  ask: Ask,
  given: InitAnswers,
  profiles: readonly MeterProfile[],
): Promise<InitAnswers> {
  const question: Question = async (text, byDefault, check) => {
    const shown = byDefault === '' ? '' : ` [${byDefault}]`
    for (;;) {
      const typed = (await ask(`${cli.terminal.say(text)}${shown}: `)).trim()
      const answer = typed === '' ? byDefault : typed
      const wrong = check(answer)
      if (!wrong) return answer
      cli.terminal.error(wrong)
    }
  }
  const plant = await question(INIT.askPlant, given.plant, ANSWER_CHECKS.plant)
  const port = await question(INIT.askPort, given.port, ANSWER_CHECKS.port)
  const meters = [...given.meters]
  for (;;) {
    const id = await question(INIT.askMeterId, meters.length === 0 ? 'meter-1' : '', meterIdCheck(meters))
    if (id === '') break
    meters.push(await askMeter(cli, question, id, meters, profiles))
  }
  const serial = meters[0] && findProfile(meters[0].profile, profiles)?.serial
  const baud = await question(INIT.askBaud, String(serial?.baud ?? given.baud), ANSWER_CHECKS.baud)
  const format = await question(INIT.askFormat, serial?.format ?? given.format, ANSWER_CHECKS.format)
  const products: InitProduct[] = []
  for (const product of [...given.products, ...(await askProducts(question, meters, profiles))])
    products.push(await askEnergy(question, product, meters, profiles))
  const cloud = await question(INIT.askCloud, given.cloud ?? '', cloudCheck)
  return { plant, port, baud, format, meters, products, cloud: cloud === '' ? undefined : cloud }
}

async function askMeter(
  cli: CliContext,
  question: Question,
  id: string,
  before: readonly InitMeter[],
  profiles: readonly MeterProfile[],
): Promise<InitMeter> {
  const profile = await askProfile(cli, question, profiles)
  const place =
    profile.protocol === 'dlt645'
      ? { address: await question(INIT.askAddress, '', addressCheck(before)) }
      : { unit: await question(INIT.askUnit, String(profile.serial.unit ?? before.length + 1), unitCheck(before)) }
  if (profile.values_are === 'primary') return { id, profile: profile.id, ...place }
  return { id, profile: profile.id, ...place, ct: await question(INIT.askCt, '1', ANSWER_CHECKS.ratio) }
}

/** Asks until the answer is a known model; `?` lists them all. */
async function askProfile(
  cli: CliContext,
  question: Question,
  profiles: readonly MeterProfile[],
): Promise<MeterProfile> {
  for (;;) {
    const name = await question(INIT.askProfile, 'eastron-sdm630', () => undefined)
    const profile = findProfile(name, profiles)
    if (profile) return profile
    if (/^[?？]$/.test(name)) cli.terminal.print(profileTable(cli, profiles))
    else cli.terminal.error(CLI.unknownProfile(name, similarModels(name, profiles)))
  }
}

async function askProducts(
  question: Question,
  meters: readonly InitMeter[],
  profiles: readonly MeterProfile[],
): Promise<InitProduct[]> {
  const counter = meters.find(({ profile }) => findProfile(profile, profiles)?.category === 'counter')
  if (!counter) return []
  const id = await question(INIT.askProductId, '', ANSWER_CHECKS.productId)
  if (id === '') return []
  const known = meters.map((meter) => meter.id)
  const oneMeter: AnswerCheck = (text) => (known.includes(text) ? undefined : CLI.unknownMeter(text, known))
  const unit = await question(INIT.askProductUnit, 'pair', ANSWER_CHECKS.productUnit)
  const meter = await question(INIT.askCounter, counter.id, oneMeter)
  return [{ id, unit, counter: meter, pieces: await question(INIT.askPieces, '1', ANSWER_CHECKS.pieces) }]
}

/** With several meters nobody but the technician knows which is the main meter of which: no answer is suggested. */
async function askEnergy(
  question: Question,
  product: InitProduct,
  meters: readonly InitMeter[],
  profiles: readonly MeterProfile[],
): Promise<InitProduct> {
  const known = energyMeters(product, meters, profiles)
  if (product.meters !== undefined || known.length < 2) return { meters: known, ...product }
  const answer = await question(INIT.askEnergy(product.id, known), '', metersCheck(known))
  return { ...product, meters: splitMeters(answer) }
}
