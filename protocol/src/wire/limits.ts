/** What a server must take and a sealer must keep to. A batch is sealed at 256 KiB decoded, well below the limit. */
export const WIRE_LIMITS = {
  /** Decoded size at which a batch is sealed; every server takes it. */
  sealedBytes: 256 * 1024,
  /** Decoded size beyond which nothing is looked at. */
  decodedBytes: 1024 * 1024,
  /** Records in one batch. Constant columns cost no bytes, so rows are limited on their own. */
  records: 10_000,
  /** Values in one batch, rows × columns over all tables. */
  cells: 1_000_000,
  tables: 10_000,
  layouts: 10_000,
  boots: 10_000,
  columns: 4_000,
  /** JSON nesting; a batch of this format needs nine. */
  depth: 16,
} as const
