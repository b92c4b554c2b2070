import { type LineSettings, settingsText } from '../bus/line-port.js'
import { planCost, type ReadPlan } from './read-plan.js'

/** One group of one meter on the line: what is read, how often, at which settings. */
export interface BudgetEntry {
  readonly meter: string
  readonly plan: ReadPlan
  readonly periodMs: number
  /** The settings of the plan when they are this unit's own and not the line's. */
  readonly ownSettings?: LineSettings
}

export interface BudgetMeter {
  readonly meter: string
  /** Milliseconds of one shortest period this meter needs on average. */
  readonly needMs: number
  readonly requests: number
  /** Its share of the wire and of waiting for it to answer (turnaround and pause). */
  readonly wireMs: number
  readonly waitingMs: number
}

/** What a line needs of its period, and why. All times in milliseconds. */
export interface BusBudget {
  readonly line: LineSettings
  /** The shortest period configured. */
  readonly periodMs: number
  /** Average need per period: slower groups count with their share. */
  readonly needMs: number
  /** Need of the period in which all groups fall due together. */
  readonly worstMs: number
  /** `fits`: even the worst period. `tight`: on average; slower groups must be spread. `too_much`: slots will be skipped. */
  readonly verdict: 'fits' | 'tight' | 'too_much'
  /** The meters, the most expensive first. */
  readonly meters: readonly BudgetMeter[]
  /** Part of the need that goes into changing speed or format between meters. */
  readonly switchMs: number
  /** What it would be at other speeds, for the meters that use the line's own settings. */
  readonly faster: readonly { readonly baud: number; readonly needMs: number; readonly unable: readonly string[] }[]
}

/**
 * Reopening a port with another format. An estimate for USB adapters, whose settings travel in several transfers: on a pty, which has
 * none, reopening takes 0.5 ms and a change of speed alone 0.1 ms (medians of 100).
 */
const SWITCH_MS = 20
const BAUDS = [9600, 19200, 38400, 57600, 115200]

/** Adds up what the configured reads need of the line. */
export function busBudget(line: LineSettings, entries: readonly BudgetEntry[]): BusBudget {
  const periodMs = Math.min(...entries.map((entry) => entry.periodMs))
  const switchMs = switchingMs(line, entries)
  const first = firstOfPass(entries)
  const needAt = (baud: number): number =>
    sum(entries.map((entry) => costAt(entry, baud, first) * (periodMs / entry.periodMs)))
  const needMs = needAt(line.baud) + switchMs
  const worstMs = sum(entries.map((entry) => costAt(entry, line.baud, first))) + switchMs
  return {
    line,
    periodMs: Number.isFinite(periodMs) ? periodMs : 0,
    needMs,
    worstMs,
    verdict: worstMs <= periodMs ? 'fits' : needMs <= periodMs ? 'tight' : 'too_much',
    meters: budgetMeters(entries, periodMs, first),
    switchMs,
    faster: BAUDS.filter((baud) => baud > line.baud).map((baud) => ({
      baud,
      needMs: needAt(baud) + switchMs,
      unable: unableAt(entries, baud),
    })),
  }
}

/** Every pass of a meter holds its fastest group, so with that it begins. */
function firstOfPass(entries: readonly BudgetEntry[]): ReadonlySet<BudgetEntry> {
  const first = new Map<string, BudgetEntry>()
  for (const entry of entries)
    if (entry.periodMs < (first.get(entry.meter)?.periodMs ?? Number.POSITIVE_INFINITY)) first.set(entry.meter, entry)
  return new Set(first.values())
}

/** The pause lies between two reads of one meter: since its last pass it has been silent for longer. */
function sparedMs(entry: BudgetEntry, first: ReadonlySet<BudgetEntry>): number {
  return first.has(entry) && entry.plan.reads.length > 0 ? entry.plan.request.profile.pause_ms : 0
}

function costAt(entry: BudgetEntry, baud: number, first: ReadonlySet<BudgetEntry>): number {
  const { settings } = entry.plan.request
  return planCost(entry.plan, entry.ownSettings ? settings : { ...settings, baud }).ms - sparedMs(entry, first)
}

function budgetMeters(
  entries: readonly BudgetEntry[],
  periodMs: number,
  first: ReadonlySet<BudgetEntry>,
): BudgetMeter[] {
  const names = [...new Set(entries.map(({ meter }) => meter))]
  const meters = names.map((meter) => {
    const own = entries.filter((entry) => entry.meter === meter)
    const share = (each: (entry: BudgetEntry) => number): number =>
      sum(own.map((entry) => (each(entry) * periodMs) / entry.periodMs))
    const needMs = share((entry) => planCost(entry.plan).ms - sparedMs(entry, first))
    const waitingMs = share((entry) => waitingOf(entry.plan) - sparedMs(entry, first))
    return {
      meter,
      needMs,
      waitingMs,
      wireMs: needMs - waitingMs,
      requests: sum(own.map(({ plan }) => plan.reads.length)),
    }
  })
  return meters.sort((a, b) => b.needMs - a.needMs)
}

function waitingOf(plan: ReadPlan): number {
  const { profile, settings } = plan.request
  return plan.reads.length * (settings.turnaroundMs + profile.pause_ms)
}

/** Settings change once there and back per period for every group of meters with settings of their own. */
function switchingMs(line: LineSettings, entries: readonly BudgetEntry[]): number {
  const others = new Set(entries.flatMap(({ ownSettings }) => (ownSettings ? [settingsText(ownSettings)] : [])))
  others.delete(settingsText(line))
  const ownOnly = entries.every(({ ownSettings }) => ownSettings && settingsText(ownSettings) !== settingsText(line))
  const changes = others.size === 0 || (ownOnly && others.size === 1) ? 0 : ownOnly ? others.size : others.size + 1
  return changes * SWITCH_MS
}

function unableAt(entries: readonly BudgetEntry[], baud: number): string[] {
  const unable = entries.filter(({ plan, ownSettings }) => {
    const { serial } = plan.request.profile
    return (
      !ownSettings && serial.bauds.length > 0 && serial.baud !== baud && !serial.bauds.some((each) => each === baud)
    )
  })
  return [...new Set(unable.map(({ meter }) => meter))]
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** The budget in a few sentences, in the technician's language. */
export function explainBudget(budget: BusBudget, language: 'zh' | 'en'): string {
  const say = language === 'zh' ? CHINESE : ENGLISH
  const [slowest] = budget.meters
  if (!slowest) return say.empty
  const useful = budget.faster.find(({ needMs, unable }) => unable.length === 0 && needMs < budget.needMs * 0.9)
  return [
    say.need(budget.meters.length, seconds(budget.needMs), seconds(budget.periodMs)),
    say.slowest(slowest.meter, seconds(slowest.needMs), slowest.requests, seconds(slowest.waitingMs)),
    ...(useful ? [say.faster(useful.baud, seconds(useful.needMs))] : []),
    ...(budget.switchMs > 0 ? [say.switching(seconds(budget.switchMs))] : []),
    ...(budget.verdict === 'fits' ? [] : [say[budget.verdict](seconds(budget.worstMs))]),
  ].join(say.space)
}

const seconds = (ms: number): string => (ms < 1000 ? (ms / 1000).toFixed(2) : (ms / 1000).toFixed(1))

const ENGLISH = {
  space: ' ',
  empty: 'No meter is polled on this line.',
  need: (count: number, need: string, period: string) =>
    `${count === 1 ? '1 meter needs' : `${count} meters need`} ${need} s of your ${period} s.`,
  slowest: (meter: string, need: string, requests: number, waiting: string) =>
    `The slowest is ${meter}: ${need} s in ${requests === 1 ? '1 request' : `${requests} requests`}, ${waiting} s of it waiting for the meter.`,
  faster: (baud: number, need: string) => `At ${baud} baud it would be ${need} s.`,
  switching: (ms: string) => `Changing speed or format takes ${ms} s of it.`,
  tight: (worst: string) => `When all groups fall due together they take ${worst} s, so slower groups are spread.`,
  too_much: () =>
    'That is too much: slots will be skipped. Poll less often, read fewer quantities, raise the speed or split the line.',
}

const CHINESE: typeof ENGLISH = {
  space: '',
  empty: '这条总线上没有需要轮询的电表。',
  need: (count, need, period) => `${count} 块表每 ${period} 秒周期需要 ${need} 秒。`,
  slowest: (meter, need, requests, waiting) =>
    `最慢的是 ${meter}：${requests} 次请求共 ${need} 秒，其中等待电表响应 ${waiting} 秒。`,
  faster: (baud, need) => `若改用 ${baud} 波特，则为 ${need} 秒。`,
  switching: (ms) => `其中切换速率或格式用去 ${ms} 秒。`,
  tight: (worst) => `所有分组同时到期时需要 ${worst} 秒，因此较慢的分组会错开读取。`,
  too_much: () => '超出周期：会跳过部分采样。请降低轮询频率、减少读取的量、提高波特率或拆分总线。',
}
