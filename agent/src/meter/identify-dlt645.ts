import { type Dlt645Profile, decodeDlt645Item, type MeterProfile, toNumber } from '@metergate/protocol'
import type { Localized } from '../i18n/localized.js'
import { IDENTIFY } from '../i18n/scan-texts.js'
import type { ProbeOutcome } from './answer-book.js'
import type { Candidate, Identification } from './identify.js'

/** Reads one data identifier of the meter; undefined when the line is down. */
export type AskDlt645 = (di: string, edition: '2007' | '1997') => Promise<ProbeOutcome | undefined>

const VOLTAGE_BLOCK = '0201ff00'
const VOLTAGE_L1 = '02010100'

/**
 * DL/T 645 does not say who made a meter, and every meter has the same identifiers: what can be told, and what matters for
 * reading it, is the edition and whether it has one phase or three. Zeros instead of "no value" leave that open.
 */
export async function identifyDlt645(
  ask: AskDlt645,
  profiles: readonly MeterProfile[],
  edition: '2007' | '1997',
): Promise<Identification> {
  const named = (id: string, evidence: readonly Localized[]): Candidate[] =>
    profiles.filter((profile) => profile.id === id).map(({ title }) => ({ profile: id, title, points: 0, evidence }))
  const speaks = IDENTIFY.dlt645(edition)
  if (edition === '1997') return verdict('sure', named('dlt645-1997', [speaks]), 1)
  const block = await ask(VOLTAGE_BLOCK, edition)
  if (block?.kind !== 'data') {
    const single = await ask(VOLTAGE_L1, edition)
    const evidence = [speaks, IDENTIFY.refusesDi(VOLTAGE_BLOCK)]
    if (single?.kind === 'data')
      return verdict('sure', named('dlt645-2007-1p', [...evidence, IDENTIFY.answersDi(VOLTAGE_L1)]), 2)
    return verdict('unsure', [...named('dlt645-2007-3p', [speaks]), ...named('dlt645-2007-1p', [speaks])], 2)
  }
  const three = profiles.find((profile): profile is Dlt645Profile => profile.id === 'dlt645-2007-3p')
  const phases = three ? phaseVoltages(three, block.data) : []
  const live = phases.filter((volts) => volts !== undefined && volts > 10).length
  const evidence = [speaks, IDENTIFY.phases(live)]
  if (live >= 2) return verdict('sure', named('dlt645-2007-3p', evidence), 1)
  // All FF: the meter says it has no such phase. Zeros may also be two dead phases.
  if (phases[1] === undefined && phases[2] === undefined) return verdict('sure', named('dlt645-2007-1p', evidence), 1)
  return verdict('unsure', [...named('dlt645-2007-1p', evidence), ...named('dlt645-2007-3p', evidence)], 1)
}

function phaseVoltages(profile: Dlt645Profile, data: Uint8Array): (number | undefined)[] {
  const items = profile.items.filter(({ di }) => di === VOLTAGE_BLOCK)
  return items.map((item) => {
    const decoded = decodeDlt645Item(item, data)
    return decoded.ok ? toNumber(decoded.value) : undefined
  })
}

function verdict(kind: Identification['verdict'], candidates: readonly Candidate[], reads: number): Identification {
  return { verdict: candidates.length > 0 ? kind : 'unknown', candidates, reads }
}
