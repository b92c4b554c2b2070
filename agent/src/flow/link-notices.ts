import type { SyncNotice } from '../sync/sync-status.js'
import type { Logger } from '../system/logger.js'
import { faultInWords } from './gateway-snapshot.js'
import type { Journal } from './journal.js'

/** Puts into the log what the sync loop noticed of the link; what concerns kept records becomes an event as well. */
export function noteLink(notice: SyncNotice, logger: Logger, journal: Journal): void {
  switch (notice.kind) {
    case 'link_up':
      logger.info('the cloud answers')
      break
    case 'link_down':
      logger.warn('the cloud does not take batches', {
        why: faultInWords(notice.fault),
        retry_in_s: Math.round(notice.retryInMs / 1000),
        cause: `link ${notice.fault.kind}`,
      })
      break
    case 'batch_refused':
    case 'stream_restarted': {
      const facts = { number: notice.batch.number, stream: notice.batch.stream, why: notice.why }
      logger.error(notice.kind, facts)
      void journal.event(notice.kind, facts, { urgent: true })
      break
    }
    case 'records_rejected':
      logger.warn('the cloud could not interpret records; they are set aside', { count: notice.count })
      break
    case 'strange_answer':
      logger.warn('the cloud acknowledged what was never sent', { claims: notice.claims })
      break
    case 'cloud_forgot': {
      const facts = { stream: notice.stream, number: notice.number }
      logger.error('the cloud lacks a batch it once acknowledged', facts)
      void journal.event('cloud_forgot', facts, { urgent: true })
      break
    }
  }
}
