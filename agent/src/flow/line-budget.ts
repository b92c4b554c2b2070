import { type Dlt645Item, groupOf, type MeterProfile, type ModbusItem } from '@metergate/protocol'
import type { LineBudget } from '../cli/ports.js'
import type { LoadedConfig } from '../config/load.js'
import type { LineConfig, MeterEntry } from '../config/schema.js'
import { type BudgetEntry, busBudget, explainBudget } from '../meter/bus-budget.js'
import { planReads } from '../meter/read-plan.js'
import { meterSetup, profileOf } from './meter-setup.js'

/** How busy each line of a configuration will be, and why; a Modbus TCP line has no wire to be short of. */
export function lineBudgets(loaded: LoadedConfig): LineBudget[] {
  const { lines, meters } = loaded.config
  return lines.flatMap((line) => {
    if (line.port.kind === 'modbus_tcp') return []
    const own = meters.filter((entry) => entry.line === line.id)
    const entries = own.flatMap((entry) => meterEntries(entry, line, profileOf(loaded, entry.id)))
    const budget = busBudget({ baud: line.baud, format: line.format }, entries)
    return [
      {
        line: line.id,
        loadPerMille: budget.periodMs > 0 ? Math.round((1000 * budget.needMs) / budget.periodMs) : 0,
        why: { zh: explainBudget(budget, 'zh'), en: explainBudget(budget, 'en') },
      },
    ]
  })
}

/** One entry for each group the model has values in, priced with the turnaround its profile calls typical. */
function meterEntries(entry: MeterEntry, line: LineConfig, profile: MeterProfile): BudgetEntry[] {
  const { settings } = meterSetup(entry, line, profile)
  const differs = settings.baud !== line.baud || settings.format !== line.format
  const all: readonly (ModbusItem | Dlt645Item)[] = profile.items
  return (['power', 'energy', 'rare'] as const).flatMap((group): BudgetEntry[] => {
    const items = all.filter((item) => groupOf(item) === group)
    if (items.length === 0) return []
    const plan = planReads({ profile, items, settings })
    return [{ meter: entry.id, plan, periodMs: entry.poll[group], ...(differs ? { ownSettings: settings } : {}) }]
  })
}
