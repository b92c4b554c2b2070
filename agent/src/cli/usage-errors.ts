import type { CommanderError } from 'commander'
import { type Localized, same } from '../i18n/localized.js'
import { USAGE } from '../i18n/usage-texts.js'

/**
 * A usage error of the parser in the reader's language. The parser gives a code and an English sentence with the facts
 * in quotes (commander/lib/command.js); a sentence of another shape is passed on as it is.
 */
export function usageText({ code, message }: Pick<CommanderError, 'code' | 'message'>): Localized {
  const sentence = message
    .replace(/^error: /, '')
    .replace(/\s+/g, ' ')
    .replace(/\.$/, '')
  const named = /'([^']*)'/.exec(sentence)?.[1] ?? ''
  const near = /\(Did you mean (?:one of )?(.+?)\?\)/.exec(sentence)?.[1] ?? ''
  switch (code) {
    case 'commander.unknownCommand':
      return USAGE.unknownCommand(named, near)
    case 'commander.unknownOption':
      return USAGE.unknownOption(named, near)
    case 'commander.missingArgument':
      return USAGE.missingArgument(named)
    case 'commander.optionMissingArgument':
      return USAGE.optionMissingArgument(named)
    case 'commander.missingMandatoryOptionValue':
      return USAGE.missingOption(named)
    case 'commander.invalidArgument':
      return USAGE.invalidArgument(sentence)
    case 'commander.excessArguments': {
      const [, expected, got] = /Expected (\d+) arguments? but got (\d+)/.exec(sentence) ?? []
      return expected === undefined || got === undefined ? same(sentence) : USAGE.excessArguments(named, expected, got)
    }
    default:
      return same(sentence)
  }
}
