/**
 * Every HTTP body between gateway, cloud and dashboard. Instants are whole milliseconds since the epoch, amounts
 * are exact (`{n, exp}`); only the chart buckets of a series are plain numbers. Objects are open: a newer side may
 * send more than an older one knows, which is dropped and never refused.
 */
export type { Amount } from './amount.js'
export * from './http/batch-answer.js'
export * from './http/enrolment.js'
export * from './http/health.js'
export * from './http/heartbeat.js'
export * from './http/history.js'
export * from './http/overview.js'
export * from './http/parameters.js'
export * from './http/problem.js'
export * from './http/reconcile.js'
