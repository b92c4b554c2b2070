/** What the bus is to reach. */
export const TARGETS = { ratio: 1.03, cpuSecondsPer1000: 1, backMs: 60_000 } as const

/** Share of the live meters' cadence that dead units must leave them: 98 % with 1 of 8, 97 % with 3 of 32. */
export const cadenceTarget = (meters: number, dead: number): number => (dead / meters > 1 / 8 || dead > 1 ? 0.97 : 0.98)

export interface Measured {
  readonly meters: number
  readonly dead: number
  /** Cycle time of the live meters over the theoretical minimum. */
  readonly ratio: number
  /** The same without a dead unit, in the same run; undefined where it was not measured. */
  readonly ratioAllLive: number | undefined
  /** Requests to live meters that got no good answer. */
  readonly failed: number
  readonly cpuSecondsPer1000: number
}

/** Each target that applies, with the figure, and `pass` or `MISSED`. */
export function verdict(measured: Measured): string {
  const { meters, dead, ratio, ratioAllLive, failed, cpuSecondsPer1000 } = measured
  const parts = [
    said(
      `CPU ${cpuSecondsPer1000.toFixed(2)} <= ${TARGETS.cpuSecondsPer1000}`,
      cpuSecondsPer1000 <= TARGETS.cpuSecondsPer1000,
    ),
  ]
  if (dead === 0) {
    parts.unshift(said(`cycle ${ratio.toFixed(3)} <= ${TARGETS.ratio}`, ratio <= TARGETS.ratio))
    parts.push(said(`${failed} unanswered`, failed === 0))
  } else if (ratioAllLive !== undefined) {
    const [cadence, target] = [ratioAllLive / ratio, cadenceTarget(meters, dead)]
    parts.unshift(said(`cadence ${percent(cadence)} >= ${percent(target)}`, cadence >= target))
  }
  return parts.join('; ')
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

export const said = (what: string, good: boolean): string => `${what} ${good ? 'pass' : 'MISSED'}`
