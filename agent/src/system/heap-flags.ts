/**
 * A gateway's box is small and its work is slow: V8 is told so, because it grows its heap for speed otherwise. Measured with
 * 32 meters: 92 MiB resident instead of 118, for a third more CPU time of nearly none.
 */
export const HEAP_FLAGS = [
  '--optimize-for-size',
  // The space for new objects stays at its first size (1 MiB) instead of doubling up to 16.
  '--semi-space-growth-factor=1',
  // Old objects are collected when they have grown by a sixth, not by half: a few milliseconds twice a minute.
  '--heap-growing-percent=15',
] as const
