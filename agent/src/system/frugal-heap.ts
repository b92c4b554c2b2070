import { setFlagsFromString } from 'node:v8'

/**
 * A gateway's box is small and its work is slow: V8 is told so before anything else is loaded, because it grows its heap
 * for speed otherwise. Measured with 32 meters: 92 MiB resident instead of 118, for a third more CPU time of nearly none.
 */
setFlagsFromString('--optimize-for-size')
// The space for new objects stays at its first size (1 MiB) instead of doubling up to 16.
setFlagsFromString('--semi-space-growth-factor=1')
// Old objects are collected when they have grown by a sixth, not by half: a few milliseconds twice a minute.
setFlagsFromString('--heap-growing-percent=15')
