import type { Localized } from './localized.js'

/** What is wrong with a command line, for the parser's own errors. */
export const USAGE = {
  unknownCommand: (name: string, near: string): Localized => ({
    zh: `没有命令 "${name}"${meant(near)}`,
    en: `there is no command "${name}"${didYouMean(near)}`,
  }),
  unknownOption: (name: string, near: string): Localized => ({
    zh: `没有选项 ${name}${meant(near)}`,
    en: `there is no option ${name}${didYouMean(near)}`,
  }),
  missingArgument: (name: string): Localized => ({ zh: `缺少 <${name}>`, en: `<${name}> is missing` }),
  optionMissingArgument: (flags: string): Localized => ({
    zh: `选项 ${flags} 缺少取值`,
    en: `the option ${flags} needs a value`,
  }),
  missingOption: (flags: string): Localized => ({ zh: `必须写 ${flags}`, en: `${flags} must be given` }),
  invalidArgument: (what: string): Localized => ({ zh: `取值不对（${what}）`, en: `a value will not do (${what})` }),
  excessArguments: (command: string, expected: string, got: string): Localized => ({
    zh: `${command === '' ? '' : `${command} `}多写了内容：需要 ${expected} 个参数，写了 ${got} 个；带空格的内容请加引号`,
    en: `${command === '' ? '' : `${command} has `}too many arguments: ${expected} wanted, ${got} given; put text with spaces in quotes`,
  }),
} as const satisfies Record<string, (...facts: never[]) => Localized>

const meant = (near: string): string => (near === '' ? '' : `，是否想写 ${near}？`)
const didYouMean = (near: string): string => (near === '' ? '' : `; did you mean ${near}?`)
