export * from './calls.js'
export * from './client.js'
export * from './server.js'
export { controlSocketPath } from './socket-path.js'
