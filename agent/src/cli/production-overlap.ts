import type { LoadedConfig } from '../config/load.js'
import type { ProductionDeclaration, ProductionEntry } from '../control/calls.js'
import { PlantZone } from '../energy/plant-time.js'
import { CLI } from '../i18n/cli-texts.js'
import type { CliContext } from './context.js'
import { formatInstant } from './times.js'

/** The declared entries in force over the time of these. */
export async function entriesAround(
  cli: CliContext,
  loaded: LoadedConfig,
  entries: readonly ProductionDeclaration[],
): Promise<readonly ProductionEntry[]> {
  const [first, ...others] = entries
  if (!first) return []
  const span = others.reduce(
    (so, { start, end }) => ({ start: start < so.start ? start : so.start, end: end > so.end ? end : so.end }),
    { start: first.start, end: first.end },
  )
  return (await cli.ask(loaded, 'production_list', span)).filter(({ count }) => count !== null)
}

/**
 * Warns of each entry before over the same time, which may be right when a shift was entered in parts, and of products that are counted
 * anyway: what is declared is added, and energy per product gets smaller by it.
 */
export function warnOfOverlaps(
  { terminal }: CliContext,
  loaded: LoadedConfig,
  before: readonly ProductionEntry[],
  entries: readonly ProductionDeclaration[],
): void {
  const zone = new PlantZone(loaded.config.plant.timezone)
  for (const { id, counter } of loaded.config.products)
    if (counter && entries.some(({ product }) => product === id))
      terminal.warn(CLI.countedToo(id, `${counter.meter} ${counter.quantity}`))
  for (const { entry, start, end } of before.filter((each) => entries.some((one) => overlaps(each, one))))
    terminal.warn(CLI.overlap(entry, formatInstant(zone, start), formatInstant(zone, end)))
}

/** Of two about the same product, whether they share any time. */
export const overlaps = (
  before: Pick<ProductionDeclaration, 'product' | 'start' | 'end'>,
  entry: Pick<ProductionDeclaration, 'product' | 'start' | 'end'>,
): boolean => before.product === entry.product && before.start < entry.end && before.end > entry.start
