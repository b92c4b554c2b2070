/** One row of the torture report: what a test of the reliability list is, and what runs it. */
export interface TestRow {
  readonly test: string
  readonly what: string
  /** Rigs that must find nothing, and controls whose planted mistake must be found. */
  readonly rigs?: readonly string[]
  readonly controls?: readonly string[]
  /** Test files; `planted` says which mistake in them is caught. */
  readonly suites?: readonly string[]
  readonly planted?: string
  /** Another command that measures it. */
  readonly command?: string
}

export const TESTS: readonly TestRow[] = [
  { test: 'T01', what: 'kill -9 at random instants', rigs: ['kill-loop'], controls: ['mutations-control'] },
  { test: 'T02', what: 'power cuts on a loop-mounted ext4', rigs: ['power-cut'], controls: ['power-cut-control'] },
  {
    test: 'T03',
    what: 'durability settings read back; a flush per commit',
    rigs: ['flushes'],
    controls: ['flushes-control'],
    suites: ['agent/src/store/sqlite-store-disk.test.ts'],
  },
  { test: 'T04', what: 'the Nth fsync fails', rigs: ['failing-fsync'], controls: ['mutations-control'] },
  {
    test: 'T05',
    what: 'the Nth write fails, alone and in bursts',
    rigs: ['failing-write', 'failing-write-burst'],
    controls: ['mutations-control'],
  },
  {
    test: 'T06',
    what: 'a disk kept full to the last byte while offline, then freed',
    rigs: ['full-disk'],
    controls: ['full-disk-planted'],
  },
  {
    test: 'T07',
    what: 'three times the cap, offline',
    rigs: ['cap'],
    suites: ['agent/src/store/store-model.test.ts', 'agent/src/store/sqlite-store-disk.test.ts'],
    planted: 'a record dropped without a gap record',
  },
  {
    test: 'T08',
    what: 'a file size limit (EFBIG)',
    rigs: ['file-limit', 'failing-write-too-big'],
    controls: ['mutations-control'],
  },
  {
    test: 'T09',
    what: 'mutations of a store left by a crash',
    rigs: ['mutations'],
    controls: ['mutations-control'],
    suites: ['agent/src/store/write-ahead-log.test.ts'],
    planted: 'SQLite alone forgets the end of a decayed log',
  },
  {
    test: 'T10',
    what: 'the file system turns read-only and comes back',
    rigs: ['read-only'],
    controls: ['mutations-control'],
  },
  {
    test: 'T11',
    what: 'the store against a model, random commands',
    suites: ['agent/src/store/store-model.test.ts'],
    planted:
      'acknowledging before the commit; reusing numbers; freeing on any acknowledgement; dropping without a gap record',
  },
  {
    test: 'fsync',
    what: 'every flush takes half a second: polls come later, none fails',
    rigs: ['slow-flush'],
    suites: ['agent/src/bus/serial-bus.test.ts'],
    controls: ['slow-flush-planted'],
  },
  { test: 'T12', what: 'the whole system, seeded', command: 'npm run world' },
  {
    test: 'T13',
    what: 'a number is never used twice',
    suites: ['agent/src/store/sqlite-store-disk.test.ts', 'agent/src/store/store-model.test.ts'],
    planted: 'reusing numbers',
  },
  { test: 'T14', what: 'two instances on one folder', rigs: ['two-instances'], controls: ['two-instances-planted'] },
  {
    test: 'T15',
    what: 'creating a store and opening one of each schema, killed at each write',
    rigs: ['migration-killed'],
    controls: ['migration-killed-control'],
    suites: ['agent/src/store/migration.test.ts'],
  },
  { test: 'T16', what: 'SIGTERM at random instants, with a cloud', rigs: ['sigterm'], controls: ['sigterm-planted'] },
  { test: 'T17', what: 'three weeks offline, drained at 64 kbit/s', rigs: ['three-weeks'], controls: ['link-control'] },
  { test: 'T18', what: 'answers lost after the commit', rigs: ['lost-answers'], controls: ['link-control'] },
  { test: 'T19', what: 'sick peers', rigs: ['sick-peers', 'sick-peers-patient'], controls: ['sick-peers-control'] },
  {
    test: 'T20',
    what: '64 kbit/s, 2 s delay, a fifth of the connections reset',
    rigs: ['bad-link'],
    controls: ['link-control'],
  },
  {
    test: 'T21',
    what: 'every status has a treatment',
    controls: ['statuses-planted'],
    suites: ['agent/src/sync/http-uplink.test.ts', 'agent/src/sync/sync-loop.test.ts'],
  },
  {
    test: 'T22',
    what: 'Retry-After clamped',
    controls: ['retry-after-planted'],
    suites: ['agent/src/sync/retry-schedule.test.ts'],
  },
  {
    test: 'T23',
    what: 'one poisonous record',
    controls: ['poison-planted'],
    suites: ['agent/src/sync/sync-loop.test.ts'],
  },
  {
    test: 'T24',
    what: 'the same batch fifty times in parallel, cloud killed',
    rigs: ['cloud-same-batch', 'cloud-same-batch-pg'],
    controls: ['same-batch-planted'],
  },
  {
    test: 'T25',
    what: 'power cut of the cloud',
    rigs: ['cloud-power-cut', 'cloud-database-crash'],
    controls: ['cloud-power-cut-control'],
  },
  {
    test: 'T26',
    what: 'database gone',
    rigs: ['cloud-database-gone', 'cloud-disk-full'],
    controls: ['database-gone-planted', 'disk-full-planted'],
  },
  { test: 'T27', what: 'a herd of gateways', rigs: ['herd'], controls: ['herd-wave-planted', 'herd-cut-off-planted'] },
  {
    test: 'T28',
    what: 'a boot in 1970',
    rigs: ['boot-in-1970'],
    controls: ['boot-in-1970-planted'],
    suites: ['agent/src/reading/clock-trust.test.ts'],
  },
  {
    test: 'T29',
    what: 'the wall clock jumps',
    rigs: ['clock-steps'],
    controls: ['clock-steps-planted'],
    suites: ['agent/src/reading/clock-trust.test.ts'],
  },
  {
    test: 'T30',
    what: 'three boots never synchronised',
    rigs: ['unsynced-boots'],
    controls: ['unsynced-boots-planted'],
  },
  {
    test: 'T31',
    what: 'signed with a wrong clock; replays',
    controls: ['wrong-clock-planted'],
    suites: ['agent/src/sync/signature.test.ts', 'cloud-api/src/ingest/ingest.test.ts'],
  },
  {
    test: 'T32',
    what: 'civil time: both daylight-saving changes, odd offsets',
    controls: ['civil-time-planted'],
    suites: ['agent/src/energy/plant-time.test.ts'],
  },
  {
    test: 'T33',
    what: 'every fault of the line, provoked in virtual time and on a pty',
    rigs: [
      'bus-modbus',
      'bus-dlt645',
      'bus-late',
      'bus-noise-modbus',
      'bus-noise-dlt645',
      'bus-pty-modbus',
      'bus-pty-dlt645',
    ],
    controls: ['bus-controls-modbus', 'bus-controls-dlt645', 'bus-late-control', 'bus-noise-control'],
    suites: ['agent/src/bus/line-faults.test.ts', 'agent/src/bus/late-answers.test.ts'],
  },
  {
    test: 'T34',
    what: 'adapter unplugged, dead and slow slaves',
    rigs: ['bus-slaves'],
    controls: ['bus-slaves-control'],
    suites: ['agent/src/bus/serial-line.test.ts', 'scripts/src/bench/bus-virtual.test.ts'],
  },
  {
    test: 'T35',
    what: 'edge values, resets, exchanges',
    suites: [
      'agent/src/energy/counter-delta.test.ts',
      'agent/src/energy/interval-cutter.test.ts',
      'protocol/src/profile/decode.test.ts',
      'protocol/src/profile/vectors.test.ts',
      'scripts/src/system/edge-values.test.ts',
      'scripts/src/system/library-figures.test.ts',
    ],
    planted: 'the words or bytes of each value the wrong way round, in each model',
  },
  {
    test: 'T36',
    what: 'fuzzed frames, profiles and answers',
    rigs: ['bus-fuzz-modbus', 'bus-fuzz-dlt645', 'bus-fuzz-tcp'],
    controls: ['bus-fuzz-control', 'bus-fuzz-unchecked-control', 'bus-fuzz-dlt645-control', 'bus-fuzz-tcp-control'],
    suites: ['protocol/src/fuzz.test.ts', 'protocol/src/wire/fuzz.test.ts'],
  },
  {
    test: 'T43',
    what: 'random edits of a store by SQL',
    suites: ['agent/src/store/verify.test.ts'],
    planted: 'each edit is one',
  },
  { test: 'T48', what: 'bytes written to the medium a day', rigs: ['wear'], controls: ['wear-planted'] },
]
