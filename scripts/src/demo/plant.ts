import type { PlantSpec } from '@metergate/simulator'

export interface DemoFiles {
  readonly folder: string
  readonly config: string
  readonly agentData: string
  readonly cloudData: string
  readonly link: string
}

const LABELS: Readonly<Record<string, string>> = {
  main: '总表 main',
  'press-1': '一号注塑机 press 1',
  'press-2': '二号注塑机 press 2',
  compressor: '空压机 compressor',
  counter: '产量计数 counter',
}

/** The agent's configuration for the demo plant, as a technician would have written it. */
export function demoConfig(spec: PlantSpec, files: DemoFiles, cloud: string, energyEvery: string): string {
  const meters = spec.meters.map(({ id, profile, unit, ct }) =>
    [
      `  - id: ${id}`,
      `    label: ${LABELS[id] ?? id}`,
      '    line: line-1',
      `    profile: ${profile}`,
      `    unit: ${unit}`,
      ...(ct > 1 ? [`    ct: ${ct}`] : []),
      `    poll: { power: ${energyEvery === '60s' ? '60s' : '5s'}, energy: ${energyEvery} }`,
    ].join('\n'),
  )
  return `# Written by the demo. A technician gets such a file from: metergate init
plant:
  name: 瑞安示范鞋厂 Demo shoe plant
  timezone: Asia/Shanghai
  interval: 1m
  shifts:
    - { id: A, from: "08:00", to: "20:00" }
    - { id: B, from: "20:00", to: "08:00" }

lines:
  - { id: line-1, port: ${files.link}, baud: ${spec.line.baud}, format: ${spec.line.format} }

meters:
${meters.join('\n')}

products:
  - id: slipper
    label: EVA 拖鞋 slipper
    unit: pair
    counter: { meter: counter, quantity: pulse_count_1 }
    energy: [press-1, press-2]

store:
  folder: ${files.agentData}
  commit_window: 2s

sync:
  cloud: ${cloud}
  every: 5s
`
}
