/** The languages metergate speaks to people. */
export const LANGUAGES = ['zh', 'en'] as const
export type Language = (typeof LANGUAGES)[number]

/** One text in every language: a missing translation does not compile. */
export type Localized = { readonly [L in Language]: string }

/** Whatever is put into a text: an ordinary value, or another text that follows the language. */
type Part = string | number | Localized

/**
 * Tag for a text's two halves kept side by side: `both(['从站地址 ', id], ['unit id ', id])` is needed only where a
 * nested text must follow the language; plain texts are written as `{ zh, en }`.
 */
export function both(zh: readonly Part[], en: readonly Part[]): Localized {
  return { zh: joined(zh, 'zh'), en: joined(en, 'en') }
}

/** The same characters in every language: a path, a number, a name. */
export const same = (text: string): Localized => ({ zh: text, en: text })

function joined(parts: readonly Part[], language: Language): string {
  return parts.map((part) => (typeof part === 'object' ? part[language] : String(part))).join('')
}

/** The language a text asks for (`zh`, `zh_CN.UTF-8`, `en-GB`), or undefined when it is none of ours. */
export function asLanguage(text: string): Language | undefined {
  const wanted = /^([a-z]{2})(?:[_.-].*)?$/i.exec(text.trim())?.[1]?.toLowerCase()
  return LANGUAGES.find((language) => language === wanted)
}

/**
 * The first of: what was asked for, METERGATE_LANG, the configuration, LC_ALL, LC_MESSAGES, LANG. English when none of
 * them says Chinese, because a bare box runs with LANG=C.
 */
export function chooseLanguage(
  asked: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  configured?: Language,
): Language {
  const candidates = [asked, env.METERGATE_LANG, configured, env.LC_ALL, env.LC_MESSAGES, env.LANG]
  const named = candidates.find((text) => text !== undefined && text !== '')
  return (named && asLanguage(named)) || 'en'
}
