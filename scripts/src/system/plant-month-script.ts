import type { Gateway } from '@metergate/agent'
import { amount, epochMs, invariant, meterIdSchema, parseAmount, productIdSchema } from '@metergate/protocol'
import { BOX_OFF, EXCHANGE, MINUTE, MONTH, NEW_METER_KWH, oldMeterKwh, pairsMade } from './plant-month-truth.js'

const HOUR = 60 * MINUTE
const SHIFT_MS = 8 * HOUR
const UPLOAD_EVERY_MS = 2 * HOUR
const BOOT = productIdSchema.parse('boot')
const NEVER = new AbortController().signal

type Happening = 'upload' | 'shift_end' | 'exchanged' | 'power_off' | 'power_on'

/** What people do between two midnights of the month, in order of time. */
export function monthScript(from: number, until: number): { readonly at: number; readonly what: Happening }[] {
  const happenings: { at: number; what: Happening }[] = [
    // Said some minutes after the new meter answered, as people do.
    { at: EXCHANGE.to + 30_000, what: 'exchanged' },
    { at: BOX_OFF.from, what: 'power_off' },
    { at: BOX_OFF.to, what: 'power_on' },
  ]
  for (let at = from + HOUR; at < until; at += UPLOAD_EVERY_MS)
    if (at < BOX_OFF.from || at >= BOX_OFF.to) happenings.push({ at, what: 'upload' })
  for (let end = from + SHIFT_MS; end <= until; end += SHIFT_MS) {
    const said = end + 10 * MINUTE
    // While the box is off nobody can tell it anything: the shift is entered when it is back.
    const at = said >= BOX_OFF.from && said < BOX_OFF.to ? BOX_OFF.to + MINUTE : said
    happenings.push({ at, what: 'shift_end' })
  }
  return happenings.filter(({ at }) => at >= from && at < until + HOUR).sort((a, b) => a.at - b.at)
}

/** The foreman's count of boots for the shift that ended last; over the festival he says that none were made. */
export async function declareShift(gateway: Gateway, saidAt: number): Promise<void> {
  const end = MONTH.start + Math.floor((saidAt - MONTH.start) / SHIFT_MS) * SHIFT_MS
  const entry = {
    product: BOOT,
    count: amount(pairsMade(['press-5', 'press-6'], end - SHIFT_MS, end), 0),
    unit: 'pair',
    start: epochMs(end - SHIFT_MS),
    end: epochMs(end),
  }
  const kept = await gateway.handlers().production_add({ entries: [entry] }, NEVER)
  invariant(kept.ok, 'an entry is kept')
}

/** Both registers of the exchange, as the technician read them off the displays. */
export async function reportExchange(gateway: Gateway): Promise<void> {
  const register = (at: number, kwh: string) => {
    const value = parseAmount(kwh)
    invariant(value, 'a register reading is a number')
    return { at: epochMs(at), values: [{ quantity: 'energy_active_import_total' as const, value }] }
  }
  const told = await gateway.handlers().meter_exchange(
    {
      meter: meterIdSchema.parse(EXCHANGE.meter),
      at: epochMs(EXCHANGE.from),
      cause: 'meter_exchange',
      old_end: register(EXCHANGE.from, oldMeterKwh()),
      new_start: register(EXCHANGE.to, NEW_METER_KWH),
    },
    NEVER,
  )
  invariant(told.ok && told.value.facts.late !== true, 'the exchange is told in time')
}
