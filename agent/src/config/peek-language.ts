import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { LANGUAGES, type Language } from '../i18n/localized.js'

/**
 * The language a configuration file asks for, before anything is checked: even its errors should come in it.
 * Undefined when the file is missing, broken or says nothing.
 */
export function peekLanguage(file: string): Language | undefined {
  try {
    const content: unknown = parse(readFileSync(file, 'utf8'))
    const asked = typeof content === 'object' && content !== null ? Reflect.get(content, 'language') : undefined
    return LANGUAGES.find((language) => language === asked)
  } catch {
    return undefined
  }
}
