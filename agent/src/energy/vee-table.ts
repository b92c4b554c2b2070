import type { Amount } from '@metergate/protocol'

/** How much a finding weighs: `info` for the curious, `warn` for a look, `flag` marks the interval suspect in figures. */
export type VeeSeverity = 'info' | 'warn' | 'flag'

/** One validation check, as data: its id, what it looks at and from where on it speaks. */
export interface VeeCheck {
  readonly id: VeeCheckId
  readonly severity: VeeSeverity
  /** The default limit; its meaning and unit are in `rule`. Null where the check has none, or is off by default. */
  readonly limit: Amount | null
  readonly rule: string
}

export const VEE_CHECK_IDS = [
  'missing',
  'duplicate',
  'interval_size',
  'spike',
  'sum',
  'high_low',
  'zero_run',
  'negative',
  'demand_limit',
  'demand_step',
  'reactive',
  'energy_balance',
  'load_factor',
  'tou_sum',
] as const
export type VeeCheckId = (typeof VEE_CHECK_IDS)[number]

const decimal = (n: number, exp = 0): Amount => ({ n, exp })

/**
 * The checks (names after the Californian VEE standard and the utilities' rule sets). A check flags and never changes
 * a value; an estimate is a new revision with its method.
 */
export const VEE_CHECKS: readonly VeeCheck[] = [
  { id: 'missing', severity: 'flag', limit: null, rule: 'interval absent, or its energy not known' },
  { id: 'duplicate', severity: 'warn', limit: null, rule: 'same start and revision twice with different contents' },
  { id: 'interval_size', severity: 'warn', limit: null, rule: 'metered for less than the interval’s length' },
  { id: 'spike', severity: 'flag', limit: decimal(18, -1), rule: '(P1 − P3) ÷ P3 of a day above the limit' },
  {
    id: 'sum',
    severity: 'flag',
    limit: decimal(5, -3),
    rule: '|Σ intervals − register difference| above this share of it and above two register steps',
  },
  {
    id: 'high_low',
    severity: 'warn',
    limit: decimal(2),
    rule: 'daily use beyond this factor of, or below its inverse against, the daily use before',
  },
  {
    id: 'zero_run',
    severity: 'warn',
    limit: decimal(8),
    rule: 'at least this many intervals of exactly zero in a row while voltage is present',
  },
  { id: 'negative', severity: 'flag', limit: null, rule: 'the register fell and it was no rollover' },
  {
    id: 'demand_limit',
    severity: 'flag',
    limit: decimal(11, -1),
    rule: 'interval power above this factor of the contract or transformer power',
  },
  {
    id: 'demand_step',
    severity: 'info',
    limit: null,
    rule: 'change against the last interval above the limit (a share of it); off by default',
  },
  {
    id: 'reactive',
    severity: 'warn',
    limit: decimal(3, -1),
    rule: 'reactive energy without active over a day, or the power factor of a day below the limit',
  },
  {
    id: 'energy_balance',
    severity: 'warn',
    limit: decimal(5, -2),
    rule: '|main − Σ sub meters| above this share of main',
  },
  {
    id: 'load_factor',
    severity: 'info',
    limit: decimal(5, -2),
    rule: 'mean ÷ greatest power of a month below the limit, or above one minus it',
  },
  {
    id: 'tou_sum',
    severity: 'warn',
    limit: decimal(2),
    rule: '|total − Σ rate registers| above this many register steps',
  },
]

/** A site's own limits, by check. */
export type VeeLimits = Readonly<Partial<Record<VeeCheckId, Amount | undefined>>>

/** The check of that id; `changed` replaces default limits by the site's own. */
export function veeCheck(id: VeeCheckId, changed: VeeLimits = {}): VeeCheck {
  const found = VEE_CHECKS.find((check) => check.id === id) ?? { id, severity: 'info', limit: null, rule: '' }
  return { ...found, limit: changed[id] ?? found.limit }
}
