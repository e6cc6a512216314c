/**
 * The bytes of the embedded broker (docs/formats.md). Two databases in one directory:
 *
 * `log/` holds what was written, in the order it was written, and decides what is true. It only ever grows at its end,
 * which LevelDB turns into plain sequential files without compacting them. A key is sequence u64, topic number u32,
 * partition u32; the value of topic number 0 is a journal of rows (below), of any other one record batch.
 *
 * `index/` says where things stand. It lags behind the log and is brought up from it at opening.
 *
 * | key                                                  | value                                                  |
 * |------------------------------------------------------|--------------------------------------------------------|
 * | `b` topic number u32, partition u32, last offset u64 | where the batch is: sequence u64, bytes u32, maximum   |
 * |                                                      | timestamp i64. Keyed by its last offset, the first row |
 * |                                                      | at or behind an offset is the batch that holds it      |
 * | `c`                                                  | JSON `Checkpoint`: how far the index has come          |
 * | `d` topic number                                     | a deleted topic whose batches must still be removed    |
 * | `j` sequence u64                                     | a journal that may be removed from the log             |
 * | `m`                                                  | JSON `MetaRow`                                         |
 * | `o` JSON [group, topic, partition]                   | JSON `OffsetRow`                                       |
 * | `p` topic number u32, partition u32                  | JSON `PartitionRow`                                    |
 * | `t` name                                             | JSON `TopicRow`                                        |
 * | `x` transactional id                                 | JSON `Identity`                                        |
 *
 * A journal is a run of: key length u32, key, value length i32 (-1: the row is deleted), value. Numbers are big-endian.
 */

import type { TopicConfig } from '../../streams/topic.ts';
import type { Identity } from '../transaction-ids.ts';
import { readLong, writeLong } from '../../streams/record-batch/format.ts';

export const FORMAT_VERSION = 1;

/** One row of the index; null deletes it. */
export interface Row {
  readonly key: Buffer;
  readonly value: Buffer | null;
}

export interface MetaRow {
  readonly format: number;
  /** How often the log was opened: producer ids are unique through it. */
  readonly opened: number;
  readonly nextTopicNumber: number;
}

export interface TopicRow {
  readonly number: number;
  readonly id: string;
  readonly partitions: number;
  readonly config: TopicConfig;
}

export interface PartitionRow {
  /** First offset that may be read. */
  readonly start: number;
  /** Offsets given away when the row was written: the end is never below, even if no batch is left. */
  readonly end: number;
  /** The highest append stamp given by then. */
  readonly lastStamp: number;
  /** Below, compaction has removed what was superseded. */
  readonly cleanedTo: number;
  /** Bytes of the batches below `cleanedTo`. */
  readonly cleanBytes: number;
  /** Ends of former passes with their times, oldest first: a tombstone below one that is old enough may go. */
  readonly passes: readonly { readonly to: number; readonly at: number }[];
}

export interface OffsetRow {
  readonly offset: number;
  readonly metadata: string;
}

/** Where a batch stands in the log. */
export interface BatchPlace {
  readonly last: number;
  readonly sequence: number;
  readonly bytes: number;
  readonly maxTimestamp: number;
}

/** The topic number under which journals stand; topics begin at 1. */
const JOURNAL = 0;

export function logKey(sequence: number, topicNumber = JOURNAL, partition = 0): Buffer {
  const key = Buffer.allocUnsafe(16);
  writeLong(key, sequence, 0);
  key.writeUInt32BE(topicNumber, 8);
  key.writeUInt32BE(partition, 12);
  return key;
}

export function logKeyOf(key: Buffer): {
  sequence: number;
  topicNumber: number;
  partition: number;
  isJournal: boolean;
} {
  const topicNumber = key.readUInt32BE(8);
  const isJournal = topicNumber === JOURNAL;
  return { sequence: readLong(key, 0), topicNumber, partition: key.readUInt32BE(12), isJournal };
}

export function encodeJournal(rows: readonly Row[]): Buffer {
  const parts: Buffer[] = [];
  for (const { key, value } of rows) {
    const lengths = Buffer.allocUnsafe(8);
    lengths.writeUInt32BE(key.length, 0);
    lengths.writeInt32BE(value === null ? -1 : value.length, 4);
    parts.push(lengths.subarray(0, 4), key, lengths.subarray(4));
    if (value !== null) parts.push(value);
  }
  return Buffer.concat(parts);
}

export function decodeJournal(bytes: Buffer): Row[] {
  const rows: Row[] = [];
  for (let at = 0; at < bytes.length;) {
    const keyEnd = at + 4 + bytes.readUInt32BE(at);
    const key = bytes.subarray(at + 4, keyEnd);
    const length = bytes.readInt32BE(keyEnd);
    at = keyEnd + 4 + Math.max(0, length);
    rows.push({ key, value: length < 0 ? null : bytes.subarray(keyEnd + 4, at) });
  }
  return rows;
}

export function batchRow(topicNumber: number, partition: number, place: BatchPlace): Row {
  const value = Buffer.allocUnsafe(20);
  writeLong(value, place.sequence, 0);
  value.writeUInt32BE(place.bytes, 8);
  writeLong(value, place.maxTimestamp, 12);
  return { key: batchRowKey(topicNumber, partition, place.last), value };
}

export function batchPlaceOf(key: Buffer, value: Buffer): BatchPlace {
  const last = readLong(key, 9);
  return { last, sequence: readLong(value, 0), bytes: value.readUInt32BE(8), maxTimestamp: readLong(value, 12) };
}

/** The topic number and the partition in the key of a batch's row. */
export function batchOwnerOf(key: Buffer): { topicNumber: number; partition: number } {
  return { topicNumber: key.readUInt32BE(1), partition: key.readUInt32BE(5) };
}

export function batchRowKey(topicNumber: number, partition: number, lastOffset: number): Buffer {
  const key = Buffer.allocUnsafe(17);
  key.write('b', 0, 'latin1');
  key.writeUInt32BE(topicNumber, 1);
  key.writeUInt32BE(partition, 5);
  writeLong(key, lastOffset, 9);
  return key;
}

export function partitionRowKey(topicNumber: number, partition: number): Buffer {
  const key = Buffer.allocUnsafe(9);
  key.write('p', 0, 'latin1');
  key.writeUInt32BE(topicNumber, 1);
  key.writeUInt32BE(partition, 5);
  return key;
}

export function journalRowKey(sequence: number): Buffer {
  const key = Buffer.allocUnsafe(9);
  key.write('j', 0, 'latin1');
  writeLong(key, sequence, 1);
  return key;
}

export function journalSequenceOf(key: Buffer): number {
  return readLong(key, 1);
}

export const META_KEY = Buffer.from('m');
export const CHECKPOINT_KEY = Buffer.from('c');

export function topicRowKey(name: string): Buffer {
  return Buffer.from(`t${name}`);
}

export function deletedRowKey(topicNumber: number): Buffer {
  return Buffer.from(`d${topicNumber}`);
}

export function offsetRowKey(groupId: string, topic: string, partition: number): Buffer {
  return Buffer.from(`o${JSON.stringify([groupId, topic, partition])}`);
}

export function offsetRowOf(key: Buffer): readonly [groupId: string, topic: string, partition: number] {
  return JSON.parse(textOf(key)) as [string, string, number];
}

export function transactionalIdKey(transactionalId: string): Buffer {
  return Buffer.from(`x${transactionalId}`);
}

/** The text behind the letter of a key. */
export function textOf(key: Buffer): string {
  return key.toString('utf8', 1);
}

/** All rows of a kind. */
export function rowsOf(kind: 'd' | 'j' | 'o' | 't' | 'x'): { gte: Buffer; lt: Buffer } {
  return { gte: Buffer.from(kind), lt: Buffer.from([kind.charCodeAt(0) + 1]) };
}

/** A row with a JSON value. */
export function jsonRow(
  key: Buffer,
  value: MetaRow | TopicRow | PartitionRow | OffsetRow | Identity | Checkpoint,
): Row {
  return { key, value: Buffer.from(JSON.stringify(value)) };
}

export interface Checkpoint {
  /** Everything below is in the index. */
  readonly sequence: number;
  /** Bytes of removed batches whose room on the disk was not given free yet. */
  readonly deadBytes: number;
}

export function fromJson<T>(bytes: Buffer): T {
  return JSON.parse(bytes.toString('utf8')) as T;
}
