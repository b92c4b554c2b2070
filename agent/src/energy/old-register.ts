import { type Amount, amountFrom, rescale } from '@metergate/protocol'
import { type CounterLimits, type CounterSample, judgeStep } from './counter-delta.js'

/** What a counter is known to have shown last. */
export interface KnownRegister {
  readonly last: CounterSample | null
  /** Exponent of the register's last digit; null before the first reading. */
  readonly exp: number | null
  readonly limits: CounterLimits
}

/**
 * The known register that a register read off by hand contradicts: it lies below, or farther above than the largest power could drive
 * it since. Undefined when it may be true. A display shows fewer digits than the wire, so one digit of what was read off is allowed.
 */
export function contradictedBy(
  { last, exp, limits }: KnownRegister,
  read: { readonly at: number; readonly value: Amount },
): Amount | undefined {
  const fitted = exp === null ? undefined : rescale(read.value, exp)
  if (!last || exp === null || !fitted || read.at <= last.at) return undefined
  const digit = Math.ceil(10 ** (read.value.exp - exp))
  const step = judgeStep(last, { at: read.at, n: fitted.n }, limits)
  const isOff = step.kind === 'jump' || (step.kind === 'decrease' && step.fall >= digit)
  return isOff ? amountFrom(BigInt(last.n), exp) : undefined
}
