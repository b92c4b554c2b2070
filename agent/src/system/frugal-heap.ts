import { setFlagsFromString } from 'node:v8'
import { HEAP_FLAGS } from './heap-flags.js'

/** Imported before anything else is loaded. */
for (const flag of HEAP_FLAGS) setFlagsFromString(flag)
