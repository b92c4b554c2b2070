import type { Language, Localized } from '../i18n/localized.js'

/** One thing wrong (or doubtful) in the configuration: where, which value, what is the matter, what to do. */
export interface ConfigIssue {
  readonly severity: 'error' | 'warning'
  /** As a person would point at it: `lines[0].baud`. Empty for the file as a whole. */
  readonly path: string
  readonly where: ConfigPlace
  /** The value as written; undefined when there is none. */
  readonly value: unknown
  readonly problem: Localized
  readonly remedy: Localized
}

export type ConfigPlace =
  | { readonly kind: 'file'; readonly file: string; readonly line?: number; readonly column?: number }
  | { readonly kind: 'environment'; readonly name: string }

export type ConfigPath = readonly (string | number)[]

/** `['lines', 0, 'baud']` → `lines[0].baud`. */
export function pathText(path: ConfigPath): string {
  const joined = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('')
  return joined.replace(/^\./, '')
}

/** `gateway.yaml:12:11`, or the variable's name. */
export function placeText(place: ConfigPlace): string {
  if (place.kind === 'environment') return place.name
  return place.line === undefined ? place.file : `${place.file}:${place.line}:${place.column ?? 1}`
}

/** One line: place, path = value, problem; remedy. */
export function issueText(issue: ConfigIssue, language: Language): string {
  const subject = [issue.path, shown(issue.value)].filter((part) => part !== '').join(' = ')
  const colon = language === 'zh' ? '：' : ': '
  const stop = language === 'zh' ? '。' : '. '
  const place = placeText(issue.where)
  const head = subject === '' || subject === place ? place : `${place}  ${subject}`
  return `${head}${colon}${issue.problem[language]}${stop}${capital(issue.remedy[language])}`
}

const capital = (sentence: string): string => sentence.charAt(0).toUpperCase() + sentence.slice(1)

function shown(value: unknown): string {
  if (value === undefined) return ''
  // NaN and infinity are null to JSON.
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}
