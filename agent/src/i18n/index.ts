export * from './cli-texts.js'
export * from './config-texts.js'
export * from './localized.js'
