/**
 * Mistakes that can be switched on, to prove that the oracle would see them. `acks_before_commit`: ingest acknowledges
 * and drops. `reuses_numbers`: after a start numbers go on from what is still in the table. `frees_on_any_2xx`: a login
 * page counts as an acknowledgement. `purges_by_wall_clock`: what looks old by the wall clock is given up.
 * `last_value_on_failure`: a failed poll shows the last value.
 */
export const PLANTED_BUGS = [
  'acks_before_commit',
  'reuses_numbers',
  'frees_on_any_2xx',
  'purges_by_wall_clock',
  'last_value_on_failure',
] as const
export type PlantedBug = (typeof PLANTED_BUGS)[number]
