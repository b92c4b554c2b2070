/** A mistake that somebody could make, as a change of the source, and what must find it. */
export interface PlantedMistake {
  readonly what: string
  readonly file: string
  /** Stands in the file exactly once; when it no longer does, the mistake has to be thought of anew. */
  readonly right: string
  readonly wrong: string
  readonly foundBy: { readonly rig: string } | { readonly suite: string }
}

const BELIEVES_ANY_CLOCK = {
  what: 'whatever the clock shows is taken for the time',
  file: 'agent/src/reading/clock-trust.ts',
  right: "if (!this.#word || this.#steppedBy() !== undefined) return 'U'",
  wrong: "if (!this.#word || this.#steppedBy() !== undefined) return 'S'",
}

/** By the name of the control in the torture report. The other controls have their mistake in the rig itself. */
export const PLANTED_MISTAKES: Readonly<Record<string, PlantedMistake>> = {
  'two-instances-planted': {
    what: 'nobody looks whether the folder is in use',
    file: 'agent/src/store/folder-lock.ts',
    right: "    db.exec('BEGIN EXCLUSIVE')\n",
    wrong: '',
    foundBy: { rig: 'two-instances' },
  },
  'full-disk-planted': {
    what: 'a full disk closes the file, which could not be opened again',
    file: 'agent/src/store/store-file.ts',
    right: "(kind === 'busy' || kind === 'full')",
    wrong: "kind === 'busy'",
    foundBy: { rig: 'full-disk' },
  },
  'sigterm-planted': {
    what: 'told to stop it is gone at once, and what waits with it',
    file: 'agent/src/cli/process-io.ts',
    right: "process.on('SIGTERM', () => stop.abort(new Stopped('SIGTERM')))",
    wrong: "process.on('SIGTERM', () => process.exit(0))",
    foundBy: { rig: 'sigterm' },
  },
  'statuses-planted': {
    what: 'a server in trouble is taken for one that refuses the batch',
    file: 'agent/src/sync/sync-loop.ts',
    right:
      "      case 'busy':\n      case 'server_error':\n        return this.linkDown(fault, this.waitAsAsked(fault.retryAfterMs))",
    wrong:
      "      case 'busy':\n      case 'server_error':\n        return this.refused(batch, { ...fault, kind: 'refused_batch' })",
    foundBy: { suite: 'agent/src/sync/sync-loop.test.ts' },
  },
  'retry-after-planted': {
    what: 'a server may ask for any wait',
    file: 'agent/src/sync/retry-schedule.ts',
    right: 'Math.min(LONGEST_ASKED, drawnOut)',
    wrong: 'drawnOut',
    foundBy: { suite: 'agent/src/sync/retry-schedule.test.ts' },
  },
  'poison-planted': {
    what: 'a refused batch is sent again and again',
    file: 'agent/src/sync/sync-loop.ts',
    right: '!this.parts.store.refuse(batch.stream, batch.number, fault.why)',
    wrong: 'false',
    foundBy: { suite: 'agent/src/sync/sync-loop.test.ts' },
  },
  'same-batch-planted': {
    what: 'a batch is acknowledged while it waits for its commit',
    file: 'cloud-api/src/ingest/batch-route.ts',
    right: 'return this.answer(batch, await commitOrKeepBytes(ingest, batch, report))',
    wrong:
      "void commitOrKeepBytes(ingest, batch, report)\n    return this.answer(batch, { kind: 'committed', rejections: 0, contiguous: batch.header.number, rejected: [] })",
    foundBy: { rig: 'cloud-same-batch' },
  },
  'database-gone-planted': {
    what: 'a database that does not answer is called our own mistake, not "later"',
    file: 'cloud-api/src/http/answer-problem.ts',
    right: 'if (error instanceof StoreUnavailable) {',
    wrong: 'if (error instanceof RangeError) {',
    foundBy: { rig: 'cloud-database-gone' },
  },
  'disk-full-planted': {
    what: 'a full disk is called our own mistake, not "later"',
    file: 'cloud-api/src/store/sqlite-engine.ts',
    right: 'BUSY|LOCKED|FULL|IOERR',
    wrong: 'BUSY|LOCKED|IOERR',
    foundBy: { rig: 'cloud-disk-full' },
  },
  'herd-wave-planted': {
    what: 'all who are turned away are told the same time to come back',
    file: 'cloud-api/src/http/return-times.ts',
    right: 'return Math.min(MOST_S, Math.ceil(wait) + randomInt(this.random, CHANCE_S))',
    wrong: 'return Math.min(LEAST_S, Math.ceil(wait))',
    foundBy: { rig: 'herd-crowd' },
  },
  'herd-cut-off-planted': {
    what: 'kept connections fill the few that are allowed',
    file: 'cloud-api/src/http/connections.ts',
    right: 'most: 10_000,\n  crowded: 5_000,',
    wrong: 'most: 400,\n  crowded: 5_000,',
    foundBy: { rig: 'herd-crowd' },
  },
  'boot-in-1970-planted': {
    ...BELIEVES_ANY_CLOCK,
    foundBy: { rig: 'boot-in-1970' },
  },
  'clock-steps-planted': {
    what: 'spans are measured with the wall clock',
    file: 'agent/src/system/system-clock.ts',
    right: 'monoMs(ORIGIN_MS + performance.now())',
    wrong: 'monoMs(Math.max(0, Date.now() - 1.7e12))',
    foundBy: { rig: 'clock-steps' },
  },
  'unsynced-boots-planted': {
    ...BELIEVES_ANY_CLOCK,
    foundBy: { rig: 'unsynced-boots' },
  },
  'wrong-clock-planted': {
    what: 'who signs with a wrong clock is locked out',
    file: 'cloud-api/src/ingest/gateway-auth.ts',
    right: '  const id = gatewayIdSchema.safeParse(claimed.value.keyId)\n',
    wrong:
      "  const { created } = claimed.value\n  if (created === undefined || Math.abs(Date.now() / 1000 - created) > 300) return unknown('too old')\n  const id = gatewayIdSchema.safeParse(claimed.value.keyId)\n",
    foundBy: { suite: 'cloud-api/src/ingest/ingest.test.ts' },
  },
  'civil-time-planted': {
    what: 'a civil day has 24 hours',
    file: 'agent/src/energy/plant-time.ts',
    right: 'return { start: this.midnight(year, month, day), end: this.midnight(year, month, day + 1) }',
    wrong: 'return { start: this.midnight(year, month, day), end: epochMs(this.midnight(year, month, day) + DAY) }',
    foundBy: { suite: 'agent/src/energy/plant-time.test.ts' },
  },
  'slow-flush-planted': {
    what: 'a time-out counts although the process was held up',
    file: 'agent/src/bus/hearing.ts',
    right: 'await port.look()',
    wrong: 'await Promise.resolve()',
    foundBy: { suite: 'agent/src/bus/serial-bus.test.ts' },
  },
  'wear-planted': {
    what: 'pages of 4 KiB, as SQLite has them by itself',
    file: 'agent/src/store/open-database.ts',
    right: 'export const PAGE_SIZE = 1024',
    wrong: 'export const PAGE_SIZE = 4096',
    foundBy: { rig: 'wear' },
  },
}
