/**
 * The schema as data, applied in order, each once. `{blob}` and `{big}` are the engine's types for bytes and for
 * 64-bit integers, `{monthly:column}` divides a table by months where the engine can (see sql-partitions.ts). `gateway_id`
 * comes first in every key of the big tables, so that a later distribution by it is one step; the ledger (number, hash),
 * which decides what is new, stays undivided and apart from the bytes.
 */
export interface Migration {
  readonly id: number
  readonly what: string
  readonly statements: readonly string[]
}

const registry = [
  `CREATE TABLE invitations (
    code_hash TEXT PRIMARY KEY, name TEXT NOT NULL, created_at {big} NOT NULL, expires_at {big} NOT NULL,
    gateway_id TEXT, used_at {big})`,
  `CREATE TABLE gateways (
    gateway_id TEXT PRIMARY KEY, name TEXT NOT NULL, public_key TEXT NOT NULL UNIQUE, software TEXT NOT NULL,
    enrolled_at {big} NOT NULL, revoked_at {big})`,
  'CREATE TABLE tokens (token_hash TEXT PRIMARY KEY, name TEXT NOT NULL, created_at {big} NOT NULL)',
  'CREATE TABLE heartbeats (gateway_id TEXT PRIMARY KEY, at_ms {big} NOT NULL, body TEXT NOT NULL)',
]

const streams = [
  `CREATE TABLE streams (
    gateway_id TEXT NOT NULL, stream TEXT NOT NULL, kind TEXT NOT NULL, ordinal INTEGER NOT NULL,
    contiguous {big} NOT NULL DEFAULT 0, duplicates {big} NOT NULL DEFAULT 0,
    PRIMARY KEY (gateway_id, stream))`,
  `CREATE TABLE ledger (
    gateway_id TEXT NOT NULL, stream TEXT NOT NULL, number {big} NOT NULL, sha256 TEXT NOT NULL, previous TEXT,
    voided TEXT, first_record {big} NOT NULL, last_record {big} NOT NULL, records INTEGER NOT NULL,
    copies INTEGER NOT NULL,
    chain TEXT NOT NULL, software TEXT NOT NULL, config TEXT NOT NULL, received_at {big} NOT NULL,
    PRIMARY KEY (gateway_id, stream, number))`,
  `CREATE TABLE batch_bytes (
    gateway_id TEXT NOT NULL, stream TEXT NOT NULL, number {big} NOT NULL, received_at {big} NOT NULL,
    encoding TEXT NOT NULL, decoded_size INTEGER NOT NULL, body {blob} NOT NULL,
    PRIMARY KEY (gateway_id, stream, number, received_at)){monthly:received_at}`,
  `CREATE TABLE conflicts (
    gateway_id TEXT NOT NULL, stream TEXT NOT NULL, number {big} NOT NULL, sha256 TEXT NOT NULL,
    encoding TEXT NOT NULL, body {blob} NOT NULL, received_at {big} NOT NULL,
    PRIMARY KEY (gateway_id, stream, number, sha256))`,
  `CREATE TABLE rejections (
    gateway_id TEXT NOT NULL, stream TEXT NOT NULL, number {big} NOT NULL, place INTEGER NOT NULL,
    record {big}, reason TEXT NOT NULL,
    PRIMARY KEY (gateway_id, stream, number, place))`,
  `CREATE TABLE gaps (
    gateway_id TEXT NOT NULL, ledger_stream TEXT NOT NULL, record {big} NOT NULL, stream TEXT NOT NULL,
    first_record {big} NOT NULL, last_record {big} NOT NULL, first_batch {big}, last_batch {big}, reason TEXT NOT NULL,
    PRIMARY KEY (gateway_id, ledger_stream, record))`,
  'CREATE INDEX gaps_by_stream ON gaps (gateway_id, stream, first_batch)',
]

const content = [
  `CREATE TABLE spans (
    gateway_id TEXT NOT NULL, meter TEXT NOT NULL, stream TEXT NOT NULL, number {big} NOT NULL,
    from_ms {big} NOT NULL, to_ms {big} NOT NULL, readings INTEGER NOT NULL,
    PRIMARY KEY (gateway_id, meter, stream, number))`,
  'CREATE INDEX spans_by_time ON spans (gateway_id, meter, from_ms, to_ms)',
  `CREATE TABLE slots (
    gateway_id TEXT NOT NULL, meter TEXT NOT NULL, start_ms {big} NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (gateway_id, meter, start_ms))`,
  `CREATE TABLE newest_values (
    gateway_id TEXT NOT NULL, meter TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (gateway_id, meter))`,
  `CREATE TABLE intervals (
    gateway_id TEXT NOT NULL, meter TEXT NOT NULL, start_ms {big} NOT NULL, revision {big} NOT NULL,
    stream TEXT NOT NULL, record {big} NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (gateway_id, meter, start_ms)){monthly:start_ms}`,
  `CREATE TABLE unit_energy (
    gateway_id TEXT NOT NULL, product TEXT NOT NULL, period TEXT NOT NULL, start_ms {big} NOT NULL,
    revision {big} NOT NULL, stream TEXT NOT NULL, record {big} NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (gateway_id, product, period, start_ms))`,
  `CREATE TABLE production (
    gateway_id TEXT NOT NULL, entry TEXT NOT NULL, start_ms {big} NOT NULL, revision {big} NOT NULL,
    stream TEXT NOT NULL, record {big} NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (gateway_id, entry))`,
  `CREATE TABLE events (
    gateway_id TEXT NOT NULL, stream TEXT NOT NULL, record {big} NOT NULL, at_ms {big} NOT NULL,
    undated_boot TEXT, mono {big}, body TEXT NOT NULL,
    PRIMARY KEY (gateway_id, stream, record))`,
  'CREATE INDEX events_by_time ON events (gateway_id, at_ms)',
  'CREATE INDEX events_undated ON events (gateway_id) WHERE undated_boot IS NOT NULL',
]

/** What was made while the clock was unknown is found by boot and monotonic time; anchors date it when it is read. */
const dating = [
  `CREATE TABLE anchors (
    gateway_id TEXT NOT NULL, boot TEXT NOT NULL, stream TEXT NOT NULL, record {big} NOT NULL,
    mono {big} NOT NULL, true_wall {big} NOT NULL, error_ms {big} NOT NULL,
    PRIMARY KEY (gateway_id, boot, stream, record))`,
  `CREATE TABLE undated_spans (
    gateway_id TEXT NOT NULL, meter TEXT NOT NULL, stream TEXT NOT NULL, number {big} NOT NULL, boot TEXT NOT NULL,
    from_mono {big} NOT NULL, to_mono {big} NOT NULL, from_ms {big} NOT NULL, to_ms {big} NOT NULL,
    readings INTEGER NOT NULL,
    PRIMARY KEY (gateway_id, meter, stream, number, boot))`,
]

/** Copies by where their records were before: an original may come after its copy. */
const copies = [
  `CREATE TABLE copy_origins (
    gateway_id TEXT NOT NULL, stream TEXT NOT NULL, first_record {big} NOT NULL, last_record {big} NOT NULL,
    copy_stream TEXT NOT NULL, copy_number {big} NOT NULL,
    PRIMARY KEY (gateway_id, stream, first_record, copy_stream, copy_number))`,
]

/** Which batches hold a record is asked in every commit, and a stream of a year has half a million of them. */
const recordIndex = ['CREATE INDEX ledger_by_record ON ledger (gateway_id, stream, last_record)']

/**
 * What a page asks of each gateway must not grow with its years: when its last batch came, which batches reach into the last hour (from the
 * end of a span, as everything older than the question is the most of it), what was made and used in a range.
 */
const recentIndexes = [
  'CREATE INDEX ledger_by_arrival ON ledger (gateway_id, received_at)',
  'CREATE INDEX spans_by_end ON spans (gateway_id, meter, to_ms, from_ms)',
  'DROP INDEX spans_by_time',
  'CREATE INDEX unit_energy_by_time ON unit_energy (gateway_id, start_ms)',
  'CREATE INDEX production_by_time ON production (gateway_id, start_ms)',
]

/** What was made while the clock was unknown is asked by its place in its boot, or by its label where nothing dates the boot. */
const undatedIndexes = [
  'CREATE INDEX undated_by_mono ON undated_spans (gateway_id, meter, boot, to_mono, from_mono)',
  'CREATE INDEX undated_by_label ON undated_spans (gateway_id, meter, to_ms, from_ms)',
  'DROP INDEX events_undated',
  'CREATE INDEX events_by_mono ON events (gateway_id, undated_boot, mono) WHERE undated_boot IS NOT NULL',
  'CREATE INDEX events_by_label ON events (gateway_id, undated_boot, at_ms) WHERE undated_boot IS NOT NULL',
]

export const MIGRATIONS: readonly Migration[] = [
  { id: 1, what: 'registry, streams and contents', statements: [...registry, ...streams, ...content, ...dating] },
  { id: 2, what: 'where copied records came from', statements: copies },
  { id: 3, what: 'batches by their records', statements: recordIndex },
  { id: 4, what: 'what is recent, by its time', statements: recentIndexes },
  { id: 5, what: 'what has no time, by its place in the boot', statements: undatedIndexes },
]

/** `table` ends a CREATE TABLE: SQLite refuses values of a wrong type only when it is told to. */
export const TYPES = {
  sqlite: { blob: 'BLOB', big: 'INTEGER', table: ' STRICT' },
  postgres: { blob: 'BYTEA', big: 'BIGINT', table: '' },
} as const
