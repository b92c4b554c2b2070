import { unreachable } from '@metergate/protocol'
import { CONFIG_PROBLEMS, CONFIG_REMEDIES } from '../i18n/config-texts.js'
import type { ConfigIssue } from './issue.js'
import type { SourceFault } from './source.js'

type IssueWords = Pick<ConfigIssue, 'problem' | 'remedy'>

/** Why a file's text could not be had, for a person. `own`: what depends on whose file it is. */
export function sourceIssue(
  file: string,
  fault: SourceFault,
  own: { readonly missing: IssueWords; readonly unreadable: (why: string) => IssueWords },
): ConfigIssue {
  const line = fault.kind === 'not_text' ? { line: fault.line } : {}
  const where = { kind: 'file', file, ...line } as const
  return { severity: 'error', path: '', where, value: undefined, ...wordsOf(fault, own) }
}

function wordsOf(fault: SourceFault, own: Parameters<typeof sourceIssue>[2]): IssueWords {
  switch (fault.kind) {
    case 'missing':
      return own.missing
    case 'too_large':
      return { problem: CONFIG_PROBLEMS.tooLarge, remedy: CONFIG_REMEDIES.otherFile }
    case 'not_text':
      return { problem: CONFIG_PROBLEMS.notText, remedy: CONFIG_REMEDIES.saveAsUtf8 }
    case 'unreadable':
      return own.unreadable(fault.why)
    default:
      return unreachable(fault)
  }
}
