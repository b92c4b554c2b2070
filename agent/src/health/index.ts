export * from './prometheus.js'
export * from './snapshot.js'
