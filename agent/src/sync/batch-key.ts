import type { StreamId } from '@metergate/protocol'

/** What tells a batch from every other: its stream and its number in it. */
export const batchKey = ({ stream, number }: { readonly stream: StreamId; readonly number: number }): string =>
  `${stream}/${number}`
