import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument, visit, type YAMLError } from 'yaml'
import { CONFIG_PROBLEMS, CONFIG_REMEDIES } from '../i18n/config-texts.js'
import type { ConfigIssue, ConfigPath, ConfigPlace } from './issue.js'
import { tooDeepAt } from './source.js'

/** A block used by name more often than this, nested blocks multiplied, is no configuration. */
const MOST_ALIASES = 100

/** A configuration file's content with the place of every value. */
export class ConfigDocument {
  readonly #lines = new LineCounter()
  readonly #document: Document
  readonly #issues: readonly ConfigIssue[]
  readonly #content: unknown

  constructor(
    private readonly file: string,
    private readonly source: string,
  ) {
    const deepAt = tooDeepAt(source)
    const options = { lineCounter: this.#lines, prettyErrors: false, logLevel: 'error' as const }
    this.#document = parseDocument(deepAt === undefined ? source : '', options)
    const { issues, content } = deepAt === undefined ? this.#read() : { issues: [this.#tooDeep(deepAt)], content: {} }
    this.#issues = issues
    this.#content = content
  }

  /** What keeps it from being YAML at all; the first error only, because the rest usually follow from it. */
  syntaxIssues(): readonly ConfigIssue[] {
    return this.#issues
  }

  #read(): { readonly issues: readonly ConfigIssue[]; readonly content: unknown } {
    // A warning is a tag or directive nobody reads: the value would be taken for something it was not meant to be.
    const [first] = [...this.#document.errors, ...this.#document.warnings]
    const issue = first ? this.#issue(first.pos[0], this.#explained(first)) : this.#badAlias()
    if (issue) return { issues: [issue], content: {} }
    try {
      return { issues: [], content: this.#document.toJS({ maxAliasCount: MOST_ALIASES }) ?? {} }
    } catch (error) {
      // The parser's own limit against a few lines that stand for gigabytes.
      if (!(error instanceof ReferenceError)) throw error
      const words = { problem: CONFIG_PROBLEMS.tooManyAliases, remedy: CONFIG_REMEDIES.aliases }
      return { issues: [this.#issue(0, words)], content: {} }
    }
  }

  /** An alias without its anchor, or inside of it: the content would have no end. */
  #badAlias(): ConfigIssue | undefined {
    let found: ConfigIssue | undefined
    visit(this.#document, {
      Alias: (_, alias, path) => {
        const target = alias.resolve(this.#document)
        if (target && !path.includes(target)) return undefined
        const problem = target ? CONFIG_PROBLEMS.endlessAlias(alias.source) : CONFIG_PROBLEMS.unknownAlias(alias.source)
        found = this.#issue(alias.range?.[0] ?? 0, { problem, remedy: CONFIG_REMEDIES.aliases })
        return visit.BREAK
      },
    })
    return found
  }

  #tooDeep(offset: number): ConfigIssue {
    const before = this.source.slice(0, offset)
    const place = { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') }
    const words = { problem: CONFIG_PROBLEMS.tooDeep, remedy: CONFIG_REMEDIES.closeBrackets }
    return { ...this.#issue(0, words), where: { kind: 'file', file: this.file, ...place } }
  }

  #issue(offset: number, words: Pick<ConfigIssue, 'problem' | 'remedy'>): ConfigIssue {
    return { severity: 'error', path: '', where: this.#at(offset), value: undefined, ...words }
  }

  /** The mistakes people make are said in their own words; the rest as the parser says it. */
  #explained({ code, message, pos }: YAMLError): Pick<ConfigIssue, 'problem' | 'remedy'> {
    if (code === 'TAB_AS_INDENT') return { problem: CONFIG_PROBLEMS.tabs, remedy: CONFIG_REMEDIES.tabs }
    if (code === 'DUPLICATE_KEY')
      return { problem: CONFIG_PROBLEMS.duplicateKey(this.#keyAt(pos[0])), remedy: CONFIG_REMEDIES.keepOne }
    if (code === 'MULTIPLE_DOCS')
      return { problem: CONFIG_PROBLEMS.severalDocuments, remedy: CONFIG_REMEDIES.oneDocument }
    if (code === 'TAG_RESOLVE_FAILED') return { problem: CONFIG_PROBLEMS.unknownTag, remedy: CONFIG_REMEDIES.removeTag }
    const line = this.source.split('\n')[this.#lines.linePos(pos[0]).line - 1] ?? ''
    return (
      fullWidthSign(line) ?? {
        problem: CONFIG_PROBLEMS.notYaml(message.replace(/\s+/g, ' ').trim()),
        remedy: CONFIG_REMEDIES.yaml,
      }
    )
  }

  #keyAt(offset: number): string {
    return /^[^:\r\n]*/.exec(this.source.slice(offset))?.[0].trim() ?? ''
  }

  /** Nothing but blanks and comments. */
  isEmpty(): boolean {
    return this.#issues.length === 0 && (this.#document.contents === null || this.#document.toJS() === null)
  }

  /** The content as plain objects and arrays; an empty file is an empty object. */
  content(): unknown {
    return this.#content
  }

  /** The place of the value at `path`, or of its nearest ancestor that exists. */
  place(path: ConfigPath): ConfigPlace {
    for (let depth = path.length; depth > 0; depth--) {
      const node = this.#document.getIn(path.slice(0, depth), true)
      if (isNode(node) && node.range) return this.#at(node.range[0])
    }
    return { kind: 'file', file: this.file }
  }

  /** The place of a key (not of its value), for keys nobody knows. */
  keyPlace(parent: ConfigPath, key: string): ConfigPlace {
    const node = parent.length === 0 ? this.#document.contents : this.#document.getIn(parent, true)
    const pair = isMap(node)
      ? node.items.find((item) => isScalar(item.key) && String(item.key.value) === key)
      : undefined
    return isScalar(pair?.key) && pair.key.range ? this.#at(pair.key.range[0]) : this.place(parent)
  }

  #at(offset: number): ConfigPlace {
    const { line, col } = this.#lines.linePos(offset)
    return { kind: 'file', file: this.file, line, column: col }
  }
}

const FULL_WIDTH: Readonly<Record<string, string>> = { '：': ':', '，': ',', '“': '"', '”': '"', '｛': '{', '｝': '}' }

/** A full-width sign where YAML wants the plain one, as a Chinese keyboard writes it; undefined when there is none. */
export function fullWidthSign(text: string): Pick<ConfigIssue, 'problem' | 'remedy'> | undefined {
  const sign = /[：，“”｛｝]/.exec(text)?.[0]
  const plain = sign && FULL_WIDTH[sign]
  return sign && plain
    ? { problem: CONFIG_PROBLEMS.fullWidth(sign), remedy: CONFIG_REMEDIES.fullWidth(plain) }
    : undefined
}
