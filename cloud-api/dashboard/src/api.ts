import {
  type EnergyAnswer,
  energyAnswerSchema,
  type GatewayAnswer,
  type GatewaysAnswer,
  gatewayAnswerSchema,
  gatewaysAnswerSchema,
  type MetersAnswer,
  metersAnswerSchema,
  type ProductionAnswer,
  productionAnswerSchema,
  type SeriesAnswer,
  seriesAnswerSchema,
  type UnitEnergyAnswer,
  unitEnergyAnswerSchema,
} from '@metergate/protocol/http'
import { ref } from 'vue'

/** The token is missing, wrong or revoked: the page asks for another. */
export class TokenRefused extends Error {}
/** The cloud did not answer, or not with what was asked for: the page says so and tries again. */
export class CloudSilent extends Error {}

const KEY = 'metergate.token'

/** A link may carry the token behind `#token=`: that part of an address never leaves the browser. */
function firstToken(): string {
  const fromLink = new URLSearchParams(location.hash.slice(1)).get('token')
  if (fromLink) {
    sessionStorage.setItem(KEY, fromLink)
    history.replaceState(null, '', location.pathname + location.search)
  }
  return sessionStorage.getItem(KEY) ?? ''
}

export const token = ref(firstToken())

export function setToken(next: string): void {
  token.value = next.trim()
  sessionStorage.setItem(KEY, token.value)
}

interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false; error: { message: string } }
}

async function get<T>(
  schema: Schema<T>,
  path: string,
  query: Readonly<Record<string, string | number>> = {},
): Promise<T> {
  const parameters = new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)]))
  const address = `v1/${path}${parameters.size > 0 ? `?${parameters}` : ''}`
  let response: Response
  try {
    response = await fetch(address, { headers: { authorization: `Bearer ${token.value}` } })
  } catch (cause) {
    throw new CloudSilent(address, { cause })
  }
  if (response.status === 401 || response.status === 403) throw new TokenRefused()
  if (!response.ok) throw new CloudSilent(`${address}: ${response.status}`)
  const parsed = schema.safeParse(await response.json())
  if (!parsed.success) throw new CloudSilent(`${address}: ${parsed.error.message}`)
  return parsed.data
}

export const getGateways = (): Promise<GatewaysAnswer> => get(gatewaysAnswerSchema, 'gateways')
export const getGateway = (gateway: string): Promise<GatewayAnswer> => get(gatewayAnswerSchema, `gateways/${gateway}`)
export const getMeters = (gateway: string): Promise<MetersAnswer> => get(metersAnswerSchema, 'meters', { gateway })
export const getPower = (
  gateway: string,
  meter: string,
  from: number,
  to: number,
  points: number,
): Promise<SeriesAnswer> =>
  get(seriesAnswerSchema, `gateways/${gateway}/meters/${meter}/series`, {
    quantity: 'power_active_total',
    from,
    to,
    points,
  })
export const getEnergy = (
  gateway: string,
  meter: string,
  from: number,
  to: number,
  step: 'hour' | 'day',
  zone: string,
): Promise<EnergyAnswer> =>
  get(energyAnswerSchema, `gateways/${gateway}/meters/${meter}/energy`, { from, to, step, zone })
export const getUnitEnergy = (
  gateway: string,
  period: 'interval' | 'hour' | 'day',
  from: number,
  to: number,
): Promise<UnitEnergyAnswer> => get(unitEnergyAnswerSchema, `gateways/${gateway}/unit-energy`, { period, from, to })
export const getProduction = (gateway: string, from: number, to: number): Promise<ProductionAnswer> =>
  get(productionAnswerSchema, `gateways/${gateway}/production`, { from, to })
