import type { ConfigDocument } from './document.js'
import type { Override } from './environment.js'
import type { ConfigPath, ConfigPlace } from './issue.js'

/** The merged content (file and environment) with the place each value came from. */
export class Placed {
  constructor(
    readonly content: unknown,
    private readonly document: ConfigDocument,
    private readonly overrides: readonly Override[],
  ) {}

  value(path: ConfigPath): unknown {
    return path.reduce<unknown>(
      (inside, key) => (typeof inside === 'object' && inside !== null ? Reflect.get(inside, key) : undefined),
      this.content,
    )
  }

  place(path: ConfigPath): ConfigPlace {
    const override = this.overrides.find((each) => each.path.join('\n') === path.join('\n'))
    return override ? { kind: 'environment', name: override.name } : this.document.place(path)
  }

  keyPlace(parent: ConfigPath, key: string): ConfigPlace {
    return this.document.keyPlace(parent, key)
  }
}
