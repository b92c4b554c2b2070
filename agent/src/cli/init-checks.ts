import { baudSchema, meterIdSchema, productIdSchema, serialFormatSchema } from '@metergate/protocol'
import { parsePort, parsePositive, parseRatio } from '../config/parse.js'
import { CLI } from '../i18n/cli-texts.js'
import { CONFIG_HINTS } from '../i18n/config-texts.js'
import { INIT } from '../i18n/init-texts.js'
import type { Localized } from '../i18n/localized.js'
import { parseCloudUrl } from '../sync/cloud-url.js'
import type { InitMeter } from './init-file.js'

/** What is wrong with a typed answer and what to write instead; undefined when it will do. */
export type AnswerCheck = (text: string) => Localized | undefined

const must =
  (holds: (text: string) => boolean, remedy: Localized): AnswerCheck =>
  (text) =>
    holds(text) ? undefined : remedy

const UNIT = /^([1-9]\d?|1\d\d|2[0-3]\d|24[0-7])$/

/** The same rules as for the finished file, applied while the person still has the question before him. */
export const ANSWER_CHECKS = {
  plant: must((text) => text.length >= 1 && text.length <= 80, CONFIG_HINTS.label),
  port: must((text) => parsePort(text) !== undefined, CONFIG_HINTS.port),
  baud: must((text) => baudSchema.safeParse(Number(text)).success, CONFIG_HINTS.baud),
  format: must((text) => serialFormatSchema.safeParse(text).success, CONFIG_HINTS.format),
  ratio: must((text) => parseRatio(text) !== undefined, CONFIG_HINTS.ratio),
  productId: must((text) => text === '' || productIdSchema.safeParse(text).success, CONFIG_HINTS.id),
  productUnit: must((text) => text.length >= 1 && text.length <= 16, CONFIG_HINTS.product_unit),
  pieces: must((text) => parsePositive(text) !== undefined, CONFIG_HINTS.pieces),
} as const satisfies Record<string, AnswerCheck>

/** Enter for none. */
export const cloudCheck: AnswerCheck = (text) =>
  text === '' || parseCloudUrl(text).ok ? undefined : CLI.badCloud(text)

/** A well-formed id that no meter before it has. Enter when done. */
export const meterIdCheck =
  (before: readonly InitMeter[]): AnswerCheck =>
  (text) => {
    if (text === '') return undefined
    if (!meterIdSchema.safeParse(text).success) return CONFIG_HINTS.id
    return before.some(({ id }) => id === text) ? INIT.meterTaken(text) : undefined
  }

export const unitCheck =
  (before: readonly InitMeter[]): AnswerCheck =>
  (text) => {
    const other = before.find(({ unit }) => unit === text)
    return UNIT.test(text) ? other && INIT.unitTaken(text, other.id) : CONFIG_HINTS.unit
  }

export const addressCheck =
  (before: readonly InitMeter[]): AnswerCheck =>
  (text) => {
    const other = before.find(({ address }) => address === text)
    return /^\d{12}$/.test(text) ? other && INIT.unitTaken(text, other.id) : CONFIG_HINTS.address
  }

/** One of these meters, or several joined with `+`. */
export const metersCheck =
  (known: readonly string[]): AnswerCheck =>
  (text) => {
    const wrong = splitMeters(text).find((id) => !known.includes(id))
    return text === '' || wrong !== undefined ? CLI.unknownMeter(wrong ?? '', known) : undefined
  }

export const splitMeters = (text: string): string[] => text.split('+').map((id) => id.trim())
