import { type Clock, fail, ok } from '@metergate/protocol'
import type { ControlHandlers } from '../control/calls.js'
import type { OpenFault } from '../store/open-database.js'
import { readHistory, verifyFolder } from '../store/read-only.js'

/** Why the store could not be opened, for the log and whoever asked. */
export const storeFaultInWords = (fault: OpenFault, folder: string): string =>
  `the store in ${folder} cannot be opened (${fault.kind}): ${fault.why}`

/** A page takes some 50 ms, which the line can spare. */
const PAGE = 1_000

/** What is asked of the store as it lies on disk; reads on a view of its own, so a running gateway goes on meanwhile. */
export function storeCalls(folder: string, clock: Clock): Pick<ControlHandlers, 'verify' | 'history'> {
  return {
    verify: async () => {
      const verdict = await verifyFolder(folder, clock)
      if (!verdict.ok) return fail({ kind: 'store', why: verdict.fault.why })
      const { file, findings, gaps, events, ...counts } = verdict.value
      const lists = { findings: [...findings], gaps: [...gaps], events: [...events] }
      return ok({ ...counts, ...lists, ...(file === undefined ? {} : { file }) })
    },
    history: async ({ begin, stream, kinds, meter, from, to }) => {
      const query = {
        stream,
        from,
        to,
        ...(kinds ? { kinds } : {}),
        ...(meter ? { meter } : {}),
        ...(begin ? { after: begin } : {}),
      }
      const page = readHistory(folder, query, PAGE)
      if (!page.ok) return fail({ kind: 'store', why: page.fault.why })
      const { records, next } = page.value
      return ok({ records: [...records], ...(next ? { next } : {}) })
    },
  }
}
