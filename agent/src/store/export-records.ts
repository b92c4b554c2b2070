import { encodeRecord, formatAmount, type Numbered } from '@metergate/protocol'
import { timeOf } from './classify.js'

/** `csv_rows`: as `csv` without the header, for the pages after the first. */
export type ExportFormat = 'csv' | 'csv_rows' | 'json'

const CSV_HEADER = 'seq,kind,time,quality,meter,quantity,value,flag,detail'

/**
 * Records as lines of text: `json` one object per line with its number, `csv` one line per value (RFC 4180, UTF-8,
 * times as recorded in UTC). Lazy, so that years need no memory.
 */
export function* exportRecords(records: Iterable<Numbered>, format: ExportFormat): Generator<string> {
  if (format === 'csv') yield CSV_HEADER
  for (const numbered of records) {
    if (format !== 'json') for (const cells of csvRows(numbered)) yield cells.map(quote).join(',')
    else yield `{"seq":${numbered.seq},"record":${encodeRecord(numbered.record)}}`
  }
}

type Cell = string | number

function csvRows({ seq, record }: Numbered): readonly (readonly Cell[])[] {
  const head = [seq, record.kind, new Date(timeOf(record)).toISOString(), record.stamp.quality]
  switch (record.kind) {
    case 'reading':
      return record.values.map((each) => [
        ...head,
        record.meter,
        each.quantity,
        ...('value' in each ? [formatAmount(each.value), each.suspect ? 'suspect' : ''] : ['', each.absent]),
        record.group,
      ])
    case 'interval':
      return record.deltas.map((each) => [
        ...head,
        record.meter,
        each.quantity,
        each.delta ? formatAmount(each.delta) : '',
        each.flag,
        `revision ${record.revision}, until ${new Date(record.end).toISOString()}`,
      ])
    case 'unit_energy':
      return [
        [
          ...head,
          record.meters.join(' '),
          record.product,
          record.value ? formatAmount(record.value) : '',
          record.no_value ?? '',
          record.period,
        ],
      ]
    case 'production':
      return [
        [...head, '', record.product, record.count ? formatAmount(record.count) : '', record.source, record.entry],
      ]
    case 'event':
      return [[...head, record.meter ?? '', record.code, '', '', JSON.stringify(record.facts)]]
    case 'anchor':
    case 'gap':
      return [[...head, '', '', '', '', encodeRecord(record)]]
  }
}

/** Quoted where CSV needs it, and where a spreadsheet would take text for a formula. */
function quote(cell: Cell): string {
  const text = String(cell)
  if (/^[=@+]/.test(text)) return `"'${text.replaceAll('"', '""')}"`
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
