import type { WorldFaults } from './faults.js'

/** Worlds that once broke a promise, as they were: what a seed draws may change, these do not. */
export const RECORDED: Readonly<Record<string, { readonly seed: number; readonly faults: WorldFaults }>> = {
  'a disk that stays full takes the ledger batch that named what it took before': {
    seed: 30,
    faults: {
      faultyMs: 2_700_000,
      longCalm: true,
      endings: [{ kind: 'crash_at_step', step: 781, downMs: 3000 }],
      link: {
        outages: [],
        portals: [],
        lostRequest: 0.19435022803954782,
        lostAnswer: 0,
        duplicate: 0.05407257815822959,
        late: 0,
        status: 0.1078956496436149,
        refused: 0,
        slowestMs: 200,
      },
      disk: {
        capBytes: 67_108_864,
        queueBytes: 31_081,
        ballastBytes: 0,
        nearlyFull: [],
        failing: [
          { from: 1_592_085, until: 1_876_697, chance: 0.03510401723906398, code: 'SQLITE_IOERR_WRITE' },
          { from: 889_343, until: 1_801_673, chance: 1, code: 'SQLITE_FULL' },
          { from: 1_336_909, until: 2_374_978, chance: 0.4675414052326232, code: 'SQLITE_FULL' },
        ],
      },
      clock: {
        driftPpm: 35.40281403809786,
        without: false,
        ntpAfterMs: 197_201,
        steps: [
          { atMs: 1_850_384, byMs: 9_756_156_187 },
          { atMs: 2_139_350, byMs: -1_105 },
          { atMs: 1_069_504, byMs: -2_245_498 },
          { atMs: 2_159_778, byMs: -2_183_980 },
        ],
      },
      bus: {
        noAnswer: 0.04324374692514539,
        garbled: 0.05044901655055583,
        cutShort: 0.0037346268189139666,
        exception: 0.009440178321674465,
        late: 0.02832210146589205,
        noise: 0.07498853099532425,
        silent: [
          { from: 1_048_430, until: 1_397_032, meter: 1 },
          { from: 1_245_149, until: 1_936_121, meter: 1 },
        ],
        unplugged: [{ from: 1_763_375, until: 2_011_303 }],
      },
    },
  },
}
