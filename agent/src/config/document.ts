import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument, type YAMLParseError } from 'yaml'
import { CONFIG_PROBLEMS, CONFIG_REMEDIES } from '../i18n/config-texts.js'
import type { ConfigIssue, ConfigPath, ConfigPlace } from './issue.js'

/** A configuration file's content with the place of every value. */
export class ConfigDocument {
  readonly #lines = new LineCounter()
  readonly #document: Document

  constructor(
    private readonly file: string,
    private readonly source: string,
  ) {
    this.#document = parseDocument(source, { lineCounter: this.#lines, prettyErrors: false })
  }

  /** What keeps it from being YAML at all; the first error only, because the rest usually follow from it. */
  syntaxIssues(): ConfigIssue[] {
    const [first] = this.#document.errors
    if (!first) return []
    return [{ severity: 'error', path: '', where: this.#at(first.pos[0]), value: undefined, ...this.#explained(first) }]
  }

  /** The mistakes people make are said in their own words; the rest as the parser says it. */
  #explained({ code, message, pos }: YAMLParseError): Pick<ConfigIssue, 'problem' | 'remedy'> {
    if (code === 'TAB_AS_INDENT') return { problem: CONFIG_PROBLEMS.tabs, remedy: CONFIG_REMEDIES.tabs }
    if (code === 'DUPLICATE_KEY') return { problem: CONFIG_PROBLEMS.duplicateKey, remedy: CONFIG_REMEDIES.keepOne }
    const line = this.source.split('\n')[this.#lines.linePos(pos[0]).line - 1] ?? ''
    return (
      fullWidthSign(line) ?? {
        problem: CONFIG_PROBLEMS.notYaml(message.replace(/\s+/g, ' ').trim()),
        remedy: CONFIG_REMEDIES.yaml,
      }
    )
  }

  /** The content as plain objects and arrays; an empty file is an empty object. */
  content(): unknown {
    return this.#document.toJS({ maxAliasCount: 100 }) ?? {}
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
