import { findProfile } from '@metergate/protocol/profiles'
import { CONFIG_HINTS, CONFIG_PROBLEMS, CONFIG_REMEDIES } from '../i18n/config-texts.js'
import { didYouMean, duplicates } from './check-meters.js'
import { type Draft, issueAt } from './draft.js'
import type { ConfigIssue, ConfigPath } from './issue.js'

/** Groups and the billing meter: known meters with an energy register, none twice, no main meter below itself. */
export function checkGroups(draft: Draft): ConfigIssue[] {
  const billing = draft.placed.value(['tariff', 'meter'])
  return [
    ...duplicates(draft, draft.groups, (group) => group.id),
    ...draft.groups.flatMap(({ path, value: group }) => [
      ...checkList(draft, [...path, 'meters'], group.meters),
      ...(group.kind === 'sum'
        ? checkList(draft, [...path, 'subtract'], group.subtract)
        : [
            ...checkMeter(draft, [...path, 'main'], group.main),
            ...(group.meters.includes(group.main)
              ? [issueAt(draft, [...path, 'main'], CONFIG_PROBLEMS.mainAmongSubs, CONFIG_REMEDIES.keepOne)]
              : []),
          ]),
    ]),
    ...(typeof billing === 'string' ? checkMeter(draft, ['tariff', 'meter'], billing) : checkNobodyBilled(draft)),
  ]
}

/** A tariff without a meter is for the main meter or the only one there is; among several it would be a guess. */
function checkNobodyBilled(draft: Draft): ConfigIssue[] {
  const isClear = draft.meterIds.length <= 1 || draft.groups.some(({ value }) => value.kind === 'main_and_sub')
  if (isClear || draft.placed.value(['tariff', 'schedule']) === undefined) return []
  return [issueAt(draft, ['tariff'], CONFIG_PROBLEMS.nobodyBilled, CONFIG_REMEDIES.nameBilledMeter)]
}

/** A baseline's days in order. */
export function checkBaselines(draft: Draft): ConfigIssue[] {
  return draft.products.flatMap(({ path, value: { baseline } }) =>
    baseline && baseline.to < baseline.from
      ? [issueAt(draft, [...path, 'baseline', 'to'], CONFIG_PROBLEMS.baselineBackwards, CONFIG_HINTS.date)]
      : [],
  )
}

function checkList(draft: Draft, path: ConfigPath, meters: readonly string[]): ConfigIssue[] {
  return meters.flatMap((meter, index) => {
    if (meters.indexOf(meter) < index)
      return [issueAt(draft, [...path, index], CONFIG_PROBLEMS.energyTwice, CONFIG_REMEDIES.keepOne)]
    return checkMeter(draft, [...path, index], meter)
  })
}

function checkMeter(draft: Draft, path: ConfigPath, id: string): ConfigIssue[] {
  if (!draft.meterIds.includes(id))
    return [issueAt(draft, path, CONFIG_PROBLEMS.unknownMeter, didYouMean(id, draft.meterIds))]
  const meter = draft.meters.find(({ value }) => value.id === id)
  const profile = meter && findProfile(meter.value.profile, draft.profiles)
  if (!profile || profile.items.some((item) => item.quantity === 'energy_active_import_total')) return []
  return [issueAt(draft, path, CONFIG_PROBLEMS.noEnergyRegister(profile.id), CONFIG_HINTS.meter)]
}
