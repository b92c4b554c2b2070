import { invariant } from '@metergate/protocol'

/** How a systemd unit starts a program with Node. */
export interface UnitStart {
  readonly environment: Readonly<Record<string, string>>
  /** What stands between `node` and the program. */
  readonly nodeOptions: readonly string[]
}

/** Reads `Environment=` and `ExecStart=` of a unit that names one variable a line and quotes nothing. */
export function startOf(unit: string): UnitStart {
  const settings = unit.split('\n').flatMap((line) => {
    const [, key, value] = /^(\w+)=(.*)$/.exec(line.trim()) ?? []
    return key !== undefined && value !== undefined ? [{ key, value }] : []
  })
  const environment = settings.filter(({ key }) => key === 'Environment').map(({ value }) => value.split('=', 2))
  const [, ...words] = settings.find(({ key }) => key === 'ExecStart')?.value.split(' ') ?? []
  const program = words.findIndex((word) => !word.startsWith('-'))
  invariant(program >= 0, 'the unit starts a program with node')
  return {
    environment: Object.fromEntries(environment.map(([name = '', value = '']) => [name, value])),
    nodeOptions: words.slice(0, program),
  }
}
