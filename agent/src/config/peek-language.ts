import { LANGUAGES, type Language } from '../i18n/localized.js'
import { ConfigDocument } from './document.js'
import { readSourceFile } from './source.js'

/**
 * The language a configuration file asks for, before anything is checked: even its errors should come in it.
 * Undefined when the file is missing, broken or says nothing.
 */
export function peekLanguage(file: string): Language | undefined {
  const source = readSourceFile(file)
  if (!source.ok) return undefined
  const content = new ConfigDocument(file, source.value).content()
  const asked = typeof content === 'object' && content !== null ? Reflect.get(content, 'language') : undefined
  return LANGUAGES.find((language) => language === asked)
}
