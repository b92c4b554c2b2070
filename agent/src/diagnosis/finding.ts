import type { Localized } from '../i18n/localized.js'

/** Every cause the doctor can name. Closed: each has its text and its remedy. */
export const CAUSES = [
  'healthy',
  'line_down',
  'nothing_heard',
  'unit_silent',
  'wrong_baud',
  'wrong_format',
  'address_clash',
  'wrong_unit',
  'noise',
  'unsteady',
  'echo',
  'late_answers',
  'refuses',
  'other_master',
  'phase_missing',
  'ct_reversed',
  'ct_swapped',
  'ct_ratio_off',
  'implausible',
] as const
export type Cause = (typeof CAUSES)[number]

/** What is wrong (or well), with whom, how it shows, and what to do about it. */
export interface Finding {
  readonly cause: Cause
  /** `note`: works nevertheless. */
  readonly severity: 'fine' | 'note' | 'problem'
  /** The unit it is about; the line as a whole when absent. */
  readonly unit?: string
  readonly what: Localized
  readonly remedy: Localized
}
