import { type MasterReport, report, type Task, unitsOf, WARM_REQUESTS } from './contender.js'

/** One read of a plain loop. */
export interface Ask {
  readonly unit: number
  readonly address: number
  readonly count: number
}

/** Asks one read and resolves with whether a good answer came. */
export type AskOnce = (ask: Ask) => Promise<boolean>

/**
 * A loop as people write it: every read of every meter, one after the other, on to the next after a time-out. Warmed
 * up before it is measured, unless only a window counts (a cycle with one read per value takes half a minute).
 */
export async function loopOver(
  task: Task,
  blocks: readonly { readonly address: number; readonly count: number }[],
  ask: AskOnce,
): Promise<MasterReport> {
  const asks = unitsOf(task).flatMap((unit) => blocks.map(({ address, count }) => ({ unit, address, count })))
  let [requests, failed] = [0, 0]
  const cycle = async (): Promise<void> => {
    for (const each of asks) {
      requests += 1
      if (!(await ask(each)) && !task.dead.has(each.unit)) failed += 1
    }
  }
  while (task.windowMs === 0 && requests < WARM_REQUESTS) await cycle()
  requests = 0
  failed = 0
  const [since, begun] = [process.cpuUsage(), performance.now()]
  for (let done = 0; done < task.cycles; done += 1) await cycle()
  return report({ spanMs: performance.now() - begun, cycles: task.cycles, requests, failed, since })
}
