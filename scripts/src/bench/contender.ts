import { z } from 'zod'

/** Who polls in the bus bench, in the order of its table. */
export const KINDS = ['metergate', 'bare', 'blocked', 'naive', 'nodeRed'] as const
export type Kind = (typeof KINDS)[number]

/** What each contender of the bus bench is told. */
export interface Task {
  readonly device: string
  /** Units 1 to `meters` are polled. */
  readonly meters: number
  /** Units that will not answer: only to know which meters' requests count as failed. */
  readonly dead: ReadonlySet<number>
  /** Measured cycles of the live meters, at least. */
  readonly cycles: number
  /** Measured at least so long, when a dead unit is probed now and then. */
  readonly windowMs: number
}

/** What a contender reports, as the one line it prints. */
export const reportSchema = z.object({
  cycleMs: z.number(),
  requests: z.number(),
  requestsPerCycle: z.number(),
  /** Requests to live meters without a good answer. */
  failed: z.number(),
  cpuMs: z.number(),
  /** The part of it spent in the kernel. */
  systemMs: z.number(),
  rssMiB: z.number(),
})
export type MasterReport = Readonly<z.infer<typeof reportSchema>>

/** Requests before anything is measured: what compiling code once costs is not what a request costs in years. */
export const WARM_REQUESTS = 300

export const unitsOf = ({ meters }: Task): number[] => Array.from({ length: meters }, (_, index) => index + 1)

/** What was counted in the measured window, with this process' CPU time since `cpu` and its memory now. */
export function report(counted: {
  readonly spanMs: number
  readonly cycles: number
  readonly requests: number
  readonly failed: number
  readonly since: NodeJS.CpuUsage
}): MasterReport {
  const cpu = process.cpuUsage(counted.since)
  return {
    cycleMs: counted.spanMs / counted.cycles,
    requests: counted.requests,
    requestsPerCycle: counted.requests / counted.cycles,
    failed: counted.failed,
    cpuMs: (cpu.user + cpu.system) / 1000,
    systemMs: cpu.system / 1000,
    rssMiB: process.memoryUsage().rss / 2 ** 20,
  }
}
